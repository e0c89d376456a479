"""Scripts in the shape of EIBench's reference scripts, with strings that a test hands in.

Only the shape is shared with the published scripts: constants, ``content = content + f"…"``, default values and
keywords. The strings come from `protocol.json` at run time, so none of them is kept here.
"""

import json
import shutil
from pathlib import Path
from typing import Any

from eibench_tasks.data.protocol import SCRIPTS

_USER = """
import some_model_library_that_nobody_has
for image, question in ask_all():
    query = to_list([{{'image': root + image}}, {{'text': {user}}}])
    reply, _ = model.chat(tokenizer, query=query, history=None)
"""

_COT = """
import some_model_library_that_nobody_has
def main(args):
    print(f"{{args}}")
    for image, question in ask_all():
        # inp = {user}
        inp = {cot}
        inp = IMAGE_TOKEN + '\\n' + inp
"""

_CHATGPT = """
from some_client_that_nobody_has import Client
def ask_chatgpt(prompt, model="another-model", temperature={temperature}, max_tokens={max_tokens}):
    return Client(key="none").create(model=model, messages=[
        {{'role': 'system', 'content': {system}}},
        {{'role': 'user', 'content': prompt}},
    ], temperature=temperature, max_tokens=max_tokens)
def main(answers, gt):
    for img_path, data_input in answers.items():
        content = {head}
        {label_loop}
            content = content + {tail}
            output = ask_chatgpt(prompt=content, model={model})
            write({{f"{{img_path}}": output}})
"""

_LLAMA3 = """
import some_model_library_that_nobody_has
def main(answers, gt, model_id):
    model = Model.from_pretrained(model_id, device_map="auto")
    for img_path, data_input in answers.items():
        content = {head}
        {label_loop}
            content = content + {tail}
        messages = [{{"role": "system", "content": {system}}}, {{"role": "user", "content": content}}]
        outputs = model.generate(tokens(messages), max_new_tokens={max_tokens}, do_sample=True,
                                 temperature={temperature}, top_p={top_p})
"""

_LABEL_LOOPS = {"basic": "if img_path in gt:", "complex": "for _, label in gt[img_path].items():"}
_TRIGGERS = {"basic": "gt[img_path]", "complex": "label"}


def reference_scripts(protocol: dict[str, Any]) -> dict[str, bytes]:
    """Source by the keys of `SCRIPTS`, from the content of ``protocol.json``."""
    user = protocol["model"]["user"]
    cot = f"{user}.{protocol['model']['cot_suffix']}"  # the published script puts a period after the question
    question = {"{question}": "question"}
    sources = {
        "user": _USER.format(user=f_string(user, question)),
        "cot": _COT.format(user=f_string(user, question), cot=f_string(cot, question)),
    }
    for judge, template in (("chatgpt", _CHATGPT), ("llama3", _LLAMA3)):
        settings = protocol["judges"][judge]
        for split in ("basic", "complex"):
            head, mark, tail = settings[split].partition(" The record is below")
            variables = {"{answer}": "data_input", "{triggers}": _TRIGGERS[split]}
            sources[f"{judge}_{split}"] = template.format(
                head=json.dumps(head),
                tail=f_string(mark + tail, variables),
                label_loop=_LABEL_LOOPS[split],
                system=json.dumps(settings["system"]),
                model=json.dumps(settings["model"]),
                temperature=settings["temperature"],
                top_p=settings.get("top_p"),
                max_tokens=settings["max_tokens"],
            )
    return {name: source.encode() for name, source in sources.items()}


def f_string(text: str, variables: dict[str, str]) -> str:
    """Python source of an f-string that gives ``text``, its placeholders replaced by variables."""
    marks = {placeholder: f"\0{number}\0" for number, placeholder in enumerate(variables)}
    for placeholder, mark in marks.items():
        text = text.replace(placeholder, mark)
    source = json.dumps(text.replace("{", "{{").replace("}", "}}"))
    for placeholder, mark in marks.items():
        source = source.replace(json.dumps(mark)[1:-1], f"{{{variables[placeholder]}}}")
    return f"f{source}"


def write_checkout(root: Path, published: Path, scripts: dict[str, bytes]) -> Path:
    """Lays the published annotation files and the scripts out as in a checkout of EIBench."""
    for name, folder in (
        ("user.jsonl", "EI_Basic"),
        ("basic_ground_truth.json", "EI_Basic"),
        ("ec_complex.jsonl", "EI_Complex"),
    ):
        target = root / "EIBench" / folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(published / name, target)
    for key, path in SCRIPTS.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(scripts[key])
    return root
