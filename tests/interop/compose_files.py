"""Compose files to compare readers on: values written in every style that YAML has, and files as people damage them.

Everything that counts stands below x- keys, where Compose hands values on as it read them.
"""

import json

HEAD = "services: {w: {image: x}}\n"
# Plain scalars that readers of YAML have disagreed about, or that look as if they might.
SCALARS = """
a serve --port 8080 80 0 -0 +0 00 -00 -0.0 0.0 1 1.0 01 010 0o10 0O10 -010 -0o10 08 0899 0x1F 0X1f -0x1F 0x 0b11 0B11 0b2
1_000 1__0 _1 1_ 1_a 0_8 1_0.5 .5_0 1.5 1.50 .5 5. +.5 -.5 1e3 1E3 1e+3 1.e3 1e1000 1e-1000 1e 1e6 1000000 +1 ++1 1.2.3
9223372036854775807 9223372036854775808 18446744073709551615 18446744073709551616 -9223372036854775808 -9223372036854775809
.inf -.inf +.INF .Inf .nan .NaN nan inf Infinity . .. - + = ~ null Null NULL nULL true True TRUE tRUE false yes Yes no on
Off off y Y n N 22:22 1:30 190:20:30 1:30:00.5 2024-01-01 2024-1-1 2024-13-01 2024-02-30 2024-01 20240101 2024-01-01T00:00:00Z
2024-01-01T00:00:00 2024-01-01t00:00:00Z 2024-01-01T00:00:00.5+01:00 2024-01-01T0:0:0Z 2024-01-01Z << <<< 10.0.0.0/8
http://h:1/p#q a#b ?a -a :a a:b !t,a é e\u0301 \U0001F600 ${X} $$ %a @a `a 5m 10k 1,000 0.1e-5 1.7976931348623157e308 5e-324
""".split() + ["", "2024-01-01 00:00:00", "2024-01-01 00:00:00 +01:00", "2024-01-01 10:30", "a b", "a  b", " a", "a ", "a\nb",
               "a\n\nb\n", "\n", "a\tb", "\ta", "# c", "a # c", "a: b", "a:", "- a", "it's", '"q"', "\\", "[a", "{a", "&a", "*a",
               "!t", "|", ">", "\u0007", "\u0085", "\u2028", "\ufeff", "\u00a0", "\u3000", "a\\/b"]
# What stands in compose files, so that most of a file is read by everybody.
COMMON = ["a", "serve", "--port", "8080", "1.5", "true", "b c", "10m", "8080:80", "x/y:1", "~", "on", "0440", "-0", "1.0", "é"]
TAGS = ["!!str ", "!!int ", "!!float ", "!!bool ", "!!null ", "! ", "!foo ", "!!binary ", "!<tag:yaml.org,2002:str> "]
STRAYS = list("\t \n:#\"',[]{}-&*!|>%\r?a~") + ["? ", "- ", "\r\n", "\n\t", "<<: ", "\ufeff", "\u00a0", "\n---\n", " #"]


def generated(r, groups):
    """Files and the number of their group, four of each."""
    for group in range(groups):
        if group % 2 == 0:
            model = mapping(r, 2)
            nearly = changed(r, model)
            for value in (model, model, nearly, nearly):
                yield group, written(r, value)
        else:
            text = Messy(r).file()
            yield group, text
            for _ in range(3):
                yield group, damaged(r, text)


def scalars():
    """A file for each scalar: as a variable and a label, which Compose makes texts of, and below x- keys."""
    for scalar in SCALARS:
        if "\n" not in scalar:
            texts = "".join(f"    {key}:\n      K: {scalar}\n" for key in ("environment", "labels"))
            yield scalar, f"services:\n  w:\n    image: x\n{texts}x-k: {scalar}\nx-list:\n  - {scalar}\n"


class Plain(str):
    """Written as it is, to be read as whatever it is read as."""


def mapping(r, depth):
    return {f"k{n}": value(r, depth) for n in range(r.randint(1, 3))}


def value(r, depth):
    chance = r.random()
    if depth > 0 and chance < 0.25:
        return mapping(r, depth - 1)
    if depth > 0 and chance < 0.5:
        return [value(r, depth - 1) for _ in range(r.randint(0, 3))]
    text = r.choice(COMMON if r.random() < 0.7 else SCALARS)
    plain = r.random() < 0.6 and text.strip() == text and text[:1] not in tuple("[{&*!|>%@`\"#\\") and ": " not in text
    return Plain(text) if plain else text


def changed(r, model):
    """The same with one value replaced, or only written with or without quotes."""
    if isinstance(model, dict):
        key = r.choice(list(model))
        return {**model, key: changed(r, model[key])}
    if isinstance(model, list) and model:
        n = r.randrange(len(model))
        return [*model[:n], changed(r, model[n]), *model[n + 1 :]]
    if isinstance(model, Plain) and r.random() < 0.5:
        return str(model)
    return value(r, 0)


def written(r, model):
    ends = r.choice(["\n"] * 8 + ["\r\n", "\r"])
    head = r.choice([""] * 6 + ["---\n", "# c\n", "\ufeff"])
    text = head + HEAD + "".join(block(r, "x-" + key, item, 0) for key, item in shuffled(r, model)) + r.choice(["", "...\n", "# c"])
    return text.replace("\n", ends)


def shuffled(r, model):
    items = list(model.items())
    r.shuffle(items)
    return items


def block(r, key, item, indent):
    """The lines of an entry of a block mapping."""
    pad, comment = " " * indent, r.choice([""] * 5 + [" # c", "\t# c"])
    key = r.choice([key] * 6 + [f'"{key}"', f"'{key}'"])
    gap = r.choice([" "] * 6 + ["  ", "\t"])
    if isinstance(item, dict) and item and r.random() < 0.7:
        step = r.choice([1, 2, 4])
        if r.random() < 0.2:
            # Half of it comes from elsewhere.
            half = len(item) // 2
            own, merged = list(item.items())[:half], dict(list(item.items())[half:])
            lines = [block(r, name, part, indent + step) for name, part in own]
            lines.append(" " * (indent + step) + "<<: " + flow(r, merged, indent + step) + "\n")
            r.shuffle(lines)
            return f"{pad}{key}:{comment}\n" + "".join(lines)
        return f"{pad}{key}:{comment}\n" + "".join(block(r, name, part, indent + step) for name, part in shuffled(r, item))
    if isinstance(item, list) and item and r.random() < 0.7:
        step = r.choice([0, 1, 2])
        return f"{pad}{key}:{comment}\n" + "".join(f"{pad}{' ' * step}- {flow(r, part, indent + step + 2)}\n" for part in item)
    if type(item) is str and "\n" in item and r.random() < 0.5 and item.strip():
        chomp = "" if item.endswith("\n") and not item.endswith("\n\n") else "-" if not item.endswith("\n") else "+"
        lines = "".join(f"{pad}  {line}\n" if line else "\n" for line in item.removesuffix("\n").split("\n"))
        return f"{pad}{key}:{gap}|2{chomp}\n{lines}"
    return f"{pad}{key}:{gap}{flow(r, item, indent)}{comment}\n"


def flow(r, item, indent):
    pad = r.choice([""] * 6 + [" ", "\n" + " " * indent, "\n" + " " * (indent + 2), "\n" + " " * (indent + 1) + "\t"])
    if isinstance(item, dict):
        parts = [f"{pad}{name}: {flow(r, part, indent)}" for name, part in shuffled(r, item)]
        return "{" + ",".join(parts) + pad + "}"
    if isinstance(item, list):
        return "[" + ",".join(pad + flow(r, part, indent) for part in item) + pad + "]"
    if isinstance(item, Plain):
        return r.choice([""] * 9 + ["&a "]) + item
    if r.random() < 0.5 and item.isprintable():
        return "'" + item.replace("'", "''").replace(" ", r.choice([" ", " ", "\n" + " " * indent + " "])) + "'"
    text = json.dumps(item, ensure_ascii=r.random() < 0.2 and max(item, default="") < "\U00010000")
    if r.random() < 0.1 and item[:1].isascii() and item[:1]:
        text = f'"\\x{ord(item[0]):02x}' + json.dumps(item[1:], ensure_ascii=False)[1:]
    # A quoted text may go on in the next line, at any column that the mapping allows.
    return text.replace(" ", r.choice([" "] * 4 + ["\n" + " " * indent, " \n" + " " * (indent + 3)])) if "  " not in item else text


def damaged(r, text):
    at = r.randrange(len(HEAD), len(text) + 1)
    return text[:at] + r.choice(STRAYS) + text[at:] if r.random() < 0.6 else text[:at] + text[at + 1 :]


class Messy:
    """A file whose layout follows no habit: odd indentation, tabs, comments, anchors, tags, scalars over several lines."""

    def __init__(self, r):
        self.r = r

    def file(self):
        end = self.some(["\n"] * 6 + ["", "\n\n", " ", "\n ", "\n...\n", "\n# c", "\n---\n"])
        text = HEAD.rstrip("\n") + self.map(3, 0, "x-") + end
        return text.replace("\n", "\r\n") if self.r.random() < 0.05 else text

    def some(self, choices):
        return self.r.choice(choices)

    def word(self):
        return "".join(self.r.choice("abz019-_.") for _ in range(self.r.randint(1, 5)))

    def comment(self):
        return self.some([""] * 10 + [" # c", "\t# c", "   #: x", "#x"])

    def properties(self):
        anchor = "&" + self.some("abc") + " " if self.r.random() < 0.08 else ""
        return anchor + (self.some(TAGS) if self.r.random() < 0.06 else "")

    def line_break(self, indent):
        breaks = "\n" * self.some([1, 1, 1, 2, 3])
        return breaks + self.some([" " * indent, " " * max(indent - 1, 0), " " * (indent + 1), "", " " * indent + "\t", "\t"])

    def scalar(self, indent, in_flow):
        chance, text = self.r.random(), self.some(SCALARS) if self.r.random() < 0.25 else self.some(COMMON + [self.word()])
        more = self.r.random() < 0.2
        if chance < 0.5:
            return text + (self.line_break(indent) + self.word() if more else "")
        if chance < 0.7:
            text = text.replace("\\", "\\\\").replace('"', '\\"')
            text += self.some([""] * 9 + ["\\n", "\\x41", "\\u00e9", "\\U0001F600", "\\e", "\\_", "\\0", "\\ ", "\\q", "\\ud83d", "\\x4"])
            return '"' + text + (self.some([" ", "", "\t", "\\"]) + self.line_break(indent) + self.word() if more else "") + '"'
        if chance < 0.85 or in_flow:
            return "'" + text.replace("'", "''") + (self.some([" ", "", "\t"]) + self.line_break(indent) + self.word() if more else "") + "'"
        lines = self.some("|>") + self.some(["", "", "-", "+", "1", "2", "2+", " "]) + self.some([""] * 5 + [" # c", "\t"])
        for _ in range(self.r.randint(0, 4)):
            lines += "\n" + self.some([" " * (indent + 1)] * 6 + ["", " " * indent, " " * (indent + 3), " " * (indent + 1) + "\t"])
            lines += self.some([self.word(), "", "# x", "- a", "k: v"])
        return lines

    def key(self, in_flow):
        return self.some([self.word().strip("-.") or "k"] * 8 + ['"' + self.word() + '"', "<<", self.scalar(0, True)])

    def flow(self, depth, indent):
        if self.r.random() < 0.05:
            return "*" + self.some("abc")
        if depth == 0 or self.r.random() < 0.5:
            return self.properties() + self.scalar(indent, True)
        gap = lambda: self.some([""] * 8 + [" ", "\n", "\n" + " " * indent, "\n" + " " * (indent + 2), " # c\n ", "\t", "\n\t"])
        colon = lambda: self.some([": "] * 6 + [":", " : ", ":\t", "\n:", ""])
        pair = lambda: self.key(True) + colon() + self.flow(depth - 1, indent)
        listed = self.r.random() < 0.5
        item = (lambda: self.flow(depth - 1, indent) if self.r.random() < 0.85 else pair()) if listed else pair
        items = ",".join(gap() + item() + gap() for _ in range(self.r.randint(0, 3))) + self.some([""] * 6 + [",", ", "]) + gap()
        return self.properties() + ("[" + items + "]" if listed else "{" + items + "}")

    def node(self, depth, indent):
        """What follows a colon or a dash."""
        gap, chance = self.some([" "] * 12 + ["  ", "\t", " \t", "\t "]), self.r.random()
        if depth <= 0 or chance < 0.4:
            return gap + self.properties() + self.scalar(indent, False)
        if chance < 0.55:
            return gap + self.flow(2, indent + 1)
        if chance < 0.75:
            return self.comment() + self.list(depth - 1, indent + self.some([0, 1, 2]))
        return self.comment() + self.map(depth - 1, indent + self.some([1, 2, 4]))

    def blank(self, indent):
        return "\n" + self.some(["", " ", "# c", " " * indent + "# c", "\t"]) if self.r.random() < 0.1 else ""

    def list(self, depth, indent):
        item = lambda: self.blank(indent) + "\n" + " " * indent + "-" + self.node(depth - 1, indent + 1) + self.comment()
        return "".join(item() for _ in range(self.r.randint(1, 3)))

    def map(self, depth, indent, prefix=""):
        text = ""
        for _ in range(self.r.randint(1, 3)):
            text += self.blank(indent) + "\n" + " " * indent
            if not prefix and self.r.random() < 0.05:
                text += "?" + self.node(depth - 1, indent + 1) + "\n" + " " * indent + ":" + self.node(depth - 1, indent + 1)
            else:
                name = prefix + self.word() if prefix else self.key(False)
                text += name + self.some([""] * 12 + [" ", "\t"]) + ":" + self.node(depth, indent) + self.comment()
        return text
