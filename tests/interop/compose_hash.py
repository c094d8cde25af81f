#!/usr/bin/env python3
"""Judges the release kind of `compose-hash` by Docker Compose and by libyaml. tests/it/compose_hash_oracles.rs drives it.

    compose_hash.py generate SEED GROUPS      prints compose files, four of a group: alike, or nearly
    compose_hash.py scalars                   prints a compose file for each plain scalar that readers might disagree about
    compose_hash.py files FOLDER...           prints the compose files in folders
    compose_hash.py compose PROGRAM           judges normal forms by what Compose reads
    compose_hash.py respelled PROGRAM         judges normal forms by Compose's reading of file and normal form
    compose_hash.py libyaml                   judges normal forms by libyaml's events and the steps of docs/compose-hash.md

Files and judgements are JSON lines: {"group", "text"} and, with "normal" or "refused" added, what was made of them.
A judgement is one JSON object: counts, and every file that there is a disagreement about.
"""

import collections
import concurrent.futures
import json
import math
import os
import pathlib
import random
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import compose_files
import compose_steps

def main():
    command, arguments = sys.argv[1], sys.argv[2:]
    if command == "generate":
        files = compose_files.generated(random.Random(int(arguments[0])), int(arguments[1]))
    elif command == "scalars":
        files = compose_files.scalars()
    elif command == "files":
        files = found(arguments)
    else:
        cases = [json.loads(line) for line in sys.stdin]
        judge = {"compose": by_compose, "respelled": by_respelling, "libyaml": by_libyaml}[command]
        print(json.dumps(judge(cases, *arguments)))
        return
    for group, text in files:
        print(json.dumps({"group": group, "text": text}))


def found(folders):
    """Files under the folders that could be compose files, by their name and by having services."""
    for folder in folders:
        for path in sorted(pathlib.Path(folder).rglob("*.y*ml")):
            text = path.read_bytes().decode("utf-8", "replace")
            if "services:" in text:
                yield str(path), text


def by_compose(cases, program):
    """A file that both read has one value; two files of a group have one normal form exactly when they have one value."""
    count, disagreements, refusals = collections.Counter(), [], collections.Counter()
    groups = collections.defaultdict(list)
    for case, answer in zip(cases, configs(program, [case["text"] for case in cases])):
        both = ("normal" in case, answer is not None)
        count[{(True, True): "both_read", (True, False): "compose_refuses", (False, True): "refused", (False, False): "both_refuse"}[both]] += 1
        if both == (False, True):
            refusals[compose_steps.kind(case["refused"])] += 1
        if both == (True, True):
            theirs = {key: value for key, value in answer.items() if key.startswith("x-")}
            ours = {key: value for key, value in number_safe(case["normal"]).items() if key.startswith("x-")}
            if not same(ours, theirs):
                disagreements.append({"text": case["text"], "normal": case["normal"], "compose": str(theirs)})
            groups[case["group"]].append((case["normal"], theirs, case["text"]))
    for members in groups.values():
        for n, (form, value, text) in enumerate(members):
            for other_form, other_value, other_text in members[:n]:
                alike = same(value, other_value)
                count["pairs_alike" if alike else "pairs_apart"] += 1
                if (form == other_form) == alike:
                    continue
                # 1 and 1.0 are two types to Compose's reader too, which prints them alike below an x- key.
                if alike and not identical(number_safe(form), number_safe(other_form)) and same(number_safe(form), number_safe(other_form)):
                    count["pairs_integer_and_float"] += 1
                else:
                    disagreements.append({"text": text, "other": other_text})
    return dict(count, refusals=refusals, disagreements=disagreements)


def by_respelling(cases, program):
    """Compose makes the same project of a file and of its normal form."""
    count, disagreements, refusals = collections.Counter(), [], collections.Counter()
    read = [case for case in cases if "normal" in case]
    texts = [text for case in read for text in (case["text"], case["normal"])]
    answers = configs(program, texts, printed=True)
    for case, file, form in zip(read, answers[::2], answers[1::2]):
        if file is None:
            count["compose_refuses"] += 1
        elif file == form:
            count["agree"] += 1
        else:
            disagreements.append({"text": case["text"], "normal": case["normal"]})
    refused = [case for case in cases if "refused" in case]
    for case, answer in zip(refused, configs(program, [case["text"] for case in refused], printed=True)):
        count["both_refuse" if answer is None else "refused"] += 1
        if answer is not None:
            refusals[compose_steps.kind(case["refused"])] += 1
    return dict(count, refusals=refusals, disagreements=disagreements)


def by_libyaml(cases):
    """Two implementations of the documented steps, over two builds of libyaml, come to the same normal form."""
    count, disagreements, refusals = collections.Counter(), [], collections.Counter()
    for case in cases:
        try:
            normal = compose_steps.normal(case["text"])
        except compose_steps.Refused:
            count["both_refuse" if "refused" in case else "libyaml_refuses"] += 1
            continue
        if "refused" in case:
            count["refused"] += 1
            refusals[compose_steps.kind(case["refused"])] += 1
        elif case["normal"] == normal:
            count["agree"] += 1
        else:
            disagreements.append({"text": case["text"], "normal": case["normal"], "libyaml": normal})
    return dict(count, refusals=refusals, disagreements=disagreements)


def configs(program, texts, printed=False):
    """What `config` prints for each text, or None where it refuses; printed: as it is, not as a value."""
    with tempfile.TemporaryDirectory() as folder:
        def config(numbered):
            number, text = numbered
            path = pathlib.Path(folder, f"{number}.yml")
            path.write_bytes(text.encode())
            options = ["--format", "json", "--no-interpolate", "--no-path-resolution", "--no-env-resolution"]
            run = subprocess.run(
                [program, "--project-name", "p", "--project-directory", folder, "--file", path, "config", *options],
                capture_output=True, env={"HOME": folder, "PATH": "/usr/bin:/bin"}, timeout=120,
            )
            if run.returncode != 0:
                return None
            return run.stdout if printed else number_safe(run.stdout)
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            return list(pool.map(config, enumerate(texts)))


def number_safe(text):
    """JSON whose -0 stays negative."""
    return json.loads(text, parse_int=lambda digits: -0.0 if digits == "-0" else int(digits))


def same(a, b, identity=False):
    """Equality of JSON values, where true is no 1, and -0 no 0; with identity, 1.0 is no 1 either."""
    number = (int, float)
    if isinstance(a, bool) or isinstance(b, bool) or not (isinstance(a, number) and isinstance(b, number)):
        if type(a) is not type(b):
            return False
        if isinstance(a, dict):
            return a.keys() == b.keys() and all(same(a[key], b[key], identity) for key in a)
        if isinstance(a, list):
            return len(a) == len(b) and all(same(x, y, identity) for x, y in zip(a, b))
        return a == b
    return a == b and math.copysign(1, a) == math.copysign(1, b) and not (identity and type(a) is not type(b))


def identical(a, b):
    return same(a, b, identity=True)


if __name__ == "__main__":
    main()
