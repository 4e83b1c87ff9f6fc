"""Writes docs/corruptions.md from what `compare` has recorded: document.py RESULTS DOCUMENT."""

import json
import re
import sys
from pathlib import Path

# Results, heading, and the sections that the program has a column in.
PROGRAMS = [
    ("transformers_5", "transformers {version} `from_pretrained`"),
    ("transformers_4", "transformers {version} `from_pretrained`"),
    ("torch", "torch {version} `torch.load(weights_only=True)`"),
    ("safetensors", "safetensors {version} `safe_open`"),
    ("picklescan", "picklescan {version}"),
    ("modelscan", "modelscan {version}"),
    ("fickling", "fickling {version}"),
]
SCANNERS = ("picklescan", "modelscan", "fickling")
# Pickles that call a function or name a class of somebody's own, by another way than the instruction that rtrain would name it for.
ALSO_FOREIGN = {"eval-nested", "inst", "stack-global", "stack-global-built", "second-pickle"}
SECTIONS = [
    ("Weights in safetensors", ("transformers_5", "transformers_4", "safetensors"), "safetensors"),
    ("Files of torch", ("transformers_5", "transformers_4", "torch", *SCANNERS), "torch"),
    ("JSON, text and whole directories", ("transformers_5", "transformers_4"), None),
]
NOTICED = ("refuses", "finds", "warns")
HARMED = ("crashes", "hangs", "memory", "executes")

HEAD = """# Corruptions

What `rtrain verify` says of {total} damaged directories, and what other programs say of the same files. Each starts from a directory that real
transformers has saved ([tests/golden/directories](../tests/golden/directories)) and is damaged in one way. The list is
[tests/corruptions/table](../tests/corruptions/table); a test makes every one of them, runs `verify`, and compares code, file and place. The
other programs were run on {date} by [tests/corruptions/compare](../tests/corruptions/compare), which also wrote this page; their full answers
are in [tests/corruptions/results](../tests/corruptions/results).

rtrain finds {itself} of them in the directory alone. {reference} more could be what somebody has saved (a weight with another sign, two labels
exchanged in both maps): those are found with `--reference`, and cannot be found without it by anybody.
{pending}

| | asked about | notices | says nothing | does not end, runs out of memory, or crashes |
|---|---|---|---|---|
| rtrain {version} | {total} | {found} | {missed} | 0 |
"""

NOTES = """
*Asked about* are the directories in which a file that the program reads was changed. *Notices* means that it refuses the file, reports
something, or warns, and does not do so for the sound file.

## How to read this

- **The list is ours.** It was written by the people who wrote the verifier, and where it showed that rtrain missed something, rtrain was
  mended. That rtrain finds its own list says that the list is tested, not that nothing else could be wrong. Among what rtrain found only
  then: links that lead nowhere, files of torch that were renamed, parts of a tokenizer that do not exist, storages on a device without memory.
- **The others have another purpose.** transformers and torch load models, and are right to read what they can: a blank too many in
  `config.json` harms nobody who loads it. It does say that the file is not what was saved, and that is what rtrain is asked.
  `safe_open` sees one file, and no config that tells which shapes belong there. picklescan, modelscan and fickling look for pickles that
  run code, and say nothing of sizes, checksums or values because they do not claim to. Only the rows with foreign functions are a fair
  question to them; of those {foreign} they find: {scanners}.
- **No malicious pickle was executed** by any of these programs: what they call would make a file, and none was made. Nothing was
  loaded with `weights_only=False` or with pickle itself, so this says nothing of what a careless loader would do. Of the {foreign},
  `torch.load(weights_only=True)` refuses {torch}; {torch_sound} more are in `training_args.bin`, which it refuses undamaged as well, because
  it does not allow the classes in it; and in {torch_silent} the foreign function stands where it does not look, behind the end of the pickle.
- *As the sound file* means that the program says the same of the undamaged file: fickling suspects every file with tensors, for the
  functions of torch that it names. A rise of its severity counts as noticed. So does what picklescan calls suspicious (*warns*, {warned} of
  its {foreign}), although its command ends with 0 then, and that modelscan *skips the file*, because its command then ends with 3.
- A program had {seconds} s of processor time and 4 GiB more than it started with. transformers was asked for model and tokenizer, not for a
  forward pass, and for the state of a run by `TrainerState.load_from_json`; `optimizer.pt` and its like, which only a resumed run reads, were
  given to `torch.load` alone, `rng_state.pth` with the globals that transformers allows for it. fickling was asked by `scan_zip_archive`,
  because its command does not take archives. Where transformers falls back to something that is not installed (protobuf, TensorFlow), it
  refuses with that, and it counts.
- Of GPT-2 and RoBERTa rtrain has no table of parameters, and says so besides what stands here.
"""


def cell(answer):
    if answer is None:
        return ""
    verdict, words = answer["verdict"], answer["words"]
    if verdict == "silent":
        return "–"
    if verdict == "refuses-sound":
        return "as the sound file"
    if verdict in ("hangs", "crashes", "executes"):
        return f"**{verdict}**"
    if verdict == "memory":
        return "**out of memory**"
    if verdict == "warns":
        return "warns"
    return f"{verdict}: {escape(reason(words))}"


def reason(words):
    """The kind of an error, or the beginning of what was said."""
    error = re.match(r"(?:\w+\.)*([A-Z]\w+)(?::|$)", words)
    if error:
        return error[1]
    words = re.sub(r"^(dangerous|critical|severity|Unsupported global):? ", "", words)
    for end in (" was not", " Check the", " from module", " ("):
        words = words.split(end)[0]
    return words[:60]


def escape(text):
    return text.replace("|", "\\|").replace("<", "&lt;")


def place(finding):
    file = f"`{finding['file']}`" if finding["file"] else "the directory"
    return f"{file}, {escape(finding['place'])}" if finding["place"] else file


def rtrain(row):
    if row["by"] == "pending":
        return "*not yet*" if not row["found"] else f"`{row['findings'][0]['code']}` | {place(row['findings'][0])}"
    code = f"`{row['expected']['code']}`" + (" (by `--reference`)" if row["by"] == "reference" else "")
    return f"{code} | {place(row['expected'])}"


def count(answers, verdicts, names=None):
    return sum(answer["verdict"] in verdicts for name, answer in answers.items() if names is None or name in names)


def main():
    folder, document = Path(sys.argv[1]), Path(sys.argv[2])
    rows = json.loads((folder / "rtrain.json").read_text())
    results = {name: json.loads((folder / f"{name}.json").read_text()) for name, _ in PROGRAMS}
    headings = {name: heading.format(version=results[name]["version"].split("+")[0]) for name, heading in PROGRAMS}
    answers = {name: result["answers"] for name, result in results.items()}
    by = {kind: [row for row in rows if row["by"] == kind] for kind in ("itself", "reference", "pending")}
    found = sum(row["found"] for row in rows)
    missed = len(rows) - found
    waiting = [row for row in by["pending"] if not row["found"]]
    pending = f"{len(waiting)} need a check of several files against each other that rtrain does not have yet: *not yet*." if waiting else ""
    foreign = {row["name"] for row in rows if row["expected"]["code"] == "pickle-global"} | ALSO_FOREIGN
    scanners = ", ".join(f"{name} {count(answers[name], NOTICED, foreign)}" for name in SCANNERS)
    version = Path(__file__).parent.parent.parent.joinpath("Cargo.toml").read_text().split('version = "', 1)[1].split('"', 1)[0]
    numbers = {
        "total": len(rows),
        "date": max(result["date"] for result in results.values()),
        "itself": sum(row["found"] for row in by["itself"] + by["pending"]),
        "reference": len(by["reference"]),
        "pending": pending,
        "version": version,
        "found": found,
        "missed": missed,
    }
    text = HEAD.format(**numbers)
    for name, heading in headings.items():
        asked = answers[name]
        silent = count(asked, ("silent", "refuses-sound"))
        text += f"| {heading} | {len(asked)} | {count(asked, NOTICED)} | {silent} | {count(asked, HARMED)} |\n"
    torch = {verdict: count(answers["torch"], (verdict,), foreign) for verdict in ("refuses", "refuses-sound", "silent")}
    text += NOTES.format(
        foreign=len(foreign),
        scanners=scanners,
        warned=count(answers["picklescan"], ("warns",), foreign),
        torch=torch["refuses"],
        torch_sound=torch["refuses-sound"],
        torch_silent=torch["silent"],
        seconds=30,
    )
    left = rows
    for title, programs, deciding in SECTIONS:
        chosen = [row for row in left if deciding is None or row["name"] in answers[deciding]]
        left = [row for row in left if row not in chosen]
        text += f"\n## {title}\n\n"
        text += "| from | damage | rtrain | file and place | " + " | ".join(headings[name] for name in programs) + " |\n"
        text += "|---" * (4 + len(programs)) + "|\n"
        for row in chosen:
            said = rtrain(row) if "|" in rtrain(row) else f"{rtrain(row)} | "
            cells = [row["from"], escape(row["what"]), said, *(cell(answers[name].get(row["name"])) for name in programs)]
            text += "| " + " | ".join(cells) + " |\n"
    document.write_text(text)


if __name__ == "__main__":
    main()
