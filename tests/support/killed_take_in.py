"""Takes a source in and is killed by SIGKILL after so many transactions.

python killed_take_in.py SOURCE RUN TRANSACTIONS
"""

import os
import signal
import sys
from pathlib import Path

from cfsa_tool.ingest import take_in
from cfsa_tool.ingest.keep import Keeper, Result
from support.taken_in import Run

TOGETHER = 5  # small transactions: a test has few images


def main() -> None:
    """Dies in the middle of a transaction, once so many have gone through."""
    source, folder, left = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    take_in._TOGETHER = TOGETHER
    keep_one = Keeper._keep
    done = 0

    def keep_and_die(self: Keeper, db: object, result: Result) -> None:
        nonlocal done
        keep_one(self, db, result)  # type: ignore[arg-type]
        done += 1
        if done == left * TOGETHER + 2:
            os.kill(os.getpid(), signal.SIGKILL)

    Keeper._keep = keep_and_die  # type: ignore[method-assign]
    Run(folder).take_in(source)


if __name__ == "__main__":
    main()
