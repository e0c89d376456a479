"""Claims without a language model: the answer's sentences that carry content, matched by the offline judge."""

from functools import lru_cache

from eibench_tasks.judging.judgement import Reference
from eibench_tasks.judging.llm.claims import Claim, Claims
from eibench_tasks.judging.offline.english import not_english
from eibench_tasks.judging.offline.judge import OfflineJudge
from eibench_tasks.judging.offline.language import sentences, words

_MOST = 5_000  # sentences; what stands behind them is not read

_EMPTY = """
    emotion emotional emotionally feel feeling felt mood state convey conveyed
    happy happily happiness joy joyful joyfully joyous glad delight delighted cheerful pleased pleasure content
    contentment satisfied satisfaction enjoy enjoyment sad sadness sadly sorrow sorrowful unhappy grief melancholy upset
    distress distressed angry angrily anger rage furious fury mad irritated irritation frustrated frustration annoyed
    annoyance hostile hostility outraged agitated agitation excited excitedly excitement exciting thrilled thrill
    enthusiasm enthusiastic fear afraid scared anxious anxiety awe amused amusement disgust disgusted surprise surprised
    love loved hate positive negative intense intensity strong sense
    man men woman women boy girl child children kid people guy lady adult human subject viewer character figure
    cause causing caused reason factor contribute contributing trigger lead leading led make making made create
    creating due result evoke source explanation explain because
    overall summary summarize conclusion conclude short finally first second third therefore thus hence following
    several various different certain combination element aspect detail breakdown list answer question analysis
    describe description depict depicted scene context based observe observation visual visible visually cue clue
    say tell know sure hard difficult impossible determine interpret interpretation speculate speculation guess
    information additional specific exact exactly provided provide without only never not unclear unable
    potential potentially possible plausible apparent apparently clearly obvious obviously evident definitely really
    however moreover furthermore additionally sorry help let please one two three four five six
    1 2 3 4 5 6 7 8 9 10
"""
"""Words that name no cause: the emotion, who has it, that something is a cause, and talk about the answer itself."""


@lru_cache(maxsize=1)
def _empty() -> frozenset[str]:
    return frozenset(word.stem for word in words(_EMPTY))


def carries_content(sentence: str) -> bool:
    """Whether a sentence names an object or an action, by rule.

    It must have a content word that is neither a word for the emotion or the person who has it, nor one by which
    answers speak of themselves; and it must not end in a colon, as headings do.
    """
    if sentence.rstrip("*_ ").endswith(":"):
        return False
    return any(word.content and word.stem not in _empty() for word in words(sentence))


def offline_claims(judge: OfflineJudge, reference: Reference, answer: str) -> Claims:
    """The claims of one answer: each sentence that carries content, once.

    A claim names the trigger that the judge finds most likely in it, if it finds it more likely than not. Does not
    raise: what goes wrong is a reason.
    """
    try:
        if reason := not_english(answer):
            return Claims(unscored=reason)
        said = list(dict.fromkeys(span.text for span in sentences(answer) if carries_content(span.text)))[:_MOST]
        if not said:
            return Claims()
        odds = judge.odds(reference.triggers, said)
    except Exception as error:  # a failure of the judge is never a score, and never ends a run
        return Claims(unscored=f"the offline judge failed: {type(error).__name__}: {error}"[:200])
    best = odds.argmax(axis=0)
    return Claims(
        claims=[
            Claim(quote=text, trigger=int(best[column]) if odds[best[column], column] >= 0 else None)
            for column, text in enumerate(said)
        ]
    )
