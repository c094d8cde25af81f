"""The steps of docs/compose-hash.md once more, over libyaml (PyYAML's CLoader): a second implementation to compare with.

Slow and short: it holds no limits on size, and does not say why it refuses.
"""

import json
import re

INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)|(?P<octal>[-+]?0[0-7]+)|0o[0-7]+|0x[0-9a-fA-F]+")
FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
PREFIXED = re.compile(r"[-+]?0([xX][0-9a-fA-F]+|[oO][0-7]+|[bB][01]+)")
DATE = re.compile(
    r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
    r"(([Tt]|[ \t]+)[0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}([.,][0-9]*)?[ \t]*(Z|[-+][0-9]{1,2}(:[0-9]{2})?)?)?"
)
ODD = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
CORE = "tag:yaml.org,2002:"


class Refused(Exception):
    """There is no normal form."""


def kind(refusal):
    """The reason of a refusal, without the place and what was quoted."""
    refusal = re.sub(r"^line [0-9]+, column [0-9]+: ", "", refusal)
    return re.sub(r"`[^`]*`", "`…`", refusal)


def normal(text):
    """The normal form of a file."""
    import yaml

    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if ODD.search(text):
        raise Refused
    ended = text.endswith("\n")
    try:
        events = list(yaml.parse(text if ended else text + "\n", Loader=yaml.CLoader))
    except yaml.YAMLError:
        raise Refused from None
    starts = [event for event in events if isinstance(event, yaml.DocumentStartEvent)]
    if len(starts) != 1 or starts[0].version or starts[0].tags:
        raise Refused
    scalars = [event for event in events if isinstance(event, yaml.ScalarEvent)]
    if scalars and not ended and scalars[-1].style in ("|", ">"):
        raise Refused
    tree = Composer(text, events[2:]).node()
    if not isinstance(tree, dict):
        raise Refused
    return json.dumps(tree, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


class Composer:
    """Values from events, the next one first."""

    def __init__(self, text, events):
        self.text = text
        self.events = list(reversed(events))
        self.anchors = {}
        self.open = []

    def node(self, key=False):
        event = self.events.pop()
        kind = type(event).__name__
        written = kind != "ScalarEvent" or event.value or event.style
        if written and self.text[event.start_mark.index - 1 : event.start_mark.index] == "?":
            raise Refused
        if kind == "AliasEvent":
            if event.anchor in self.open or event.anchor not in self.anchors:
                raise Refused
            return self.anchors[event.anchor]
        self.open.append(event.anchor)
        if kind == "ScalarEvent":
            value = self.scalar(event, key)
        elif key or event.tag not in (None, "!", CORE + ("seq" if kind == "SequenceStartEvent" else "map")):
            raise Refused
        elif kind == "SequenceStartEvent":
            value = []
            while not self.ends("SequenceEndEvent"):
                value.append(self.node())
        else:
            value = self.mapping()
        self.open.pop()
        if event.anchor:
            self.anchors[event.anchor] = value
        return value

    def ends(self, kind):
        ended = type(self.events[-1]).__name__ == kind
        if ended:
            self.events.pop()
        return ended

    def mapping(self):
        own, merged = {}, None
        while not self.ends("MappingEndEvent"):
            key = self.node(key=True)
            if key is MERGE:
                value = self.node()
                if merged is not None:
                    raise Refused
                merged = [value] if isinstance(value, dict) else value
                if not isinstance(merged, list) or not all(isinstance(source, dict) for source in merged):
                    raise Refused
                continue
            if not isinstance(key, str) or key in own:
                raise Refused
            own[key] = self.node()
        for source in merged or []:
            own = {**source, **own}
        return own

    def scalar(self, event, key):
        text, plain, tag = event.value, event.style in (None, ""), event.tag
        if plain and text == "<<" and tag in (None, CORE + "merge"):
            if not key or event.anchor:
                raise Refused
            return MERGE
        if tag is None:
            return plain_value(text) if plain else text
        if tag == "!":
            return text
        return tagged(tag.removeprefix(CORE), text) if tag.startswith(CORE) else refuse()


MERGE = object()


def refuse():
    raise Refused


def plain_value(text):
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return text.lower() == "true"
    if text == "-0":
        return -0.0
    if re.fullmatch(r"[-+]?\.(inf|Inf|INF|nan|NaN|NAN)", text) or DATE.fullmatch(text):
        raise Refused
    bare = text.replace("_", "")
    numeric = text[0] in "+-.0123456789"
    if numeric and bare != text:
        return refuse() if INTEGER.fullmatch(bare) or FLOAT.fullmatch(bare) or PREFIXED.fullmatch(bare) else text
    if found := INTEGER.fullmatch(text):
        value = int(text, 8) if found["octal"] else int(text, 0)
        return value if -(2**63) <= value < 2**64 else refuse()
    if PREFIXED.fullmatch(text) or re.fullmatch(r"[-+]?0[0-9]+", text):
        raise Refused
    if FLOAT.fullmatch(text):
        value = float(text)
        return value if abs(value) != float("inf") else refuse()
    return text


def tagged(tag, text):
    if tag == "str":
        return text
    value = plain_value(text)
    kinds = {"null": type(None), "bool": bool, "int": int, "float": float}
    if tag == "float" and type(value) is int and -(2**31) <= value < 2**31:
        return float(value)
    return value if tag in kinds and type(value) is kinds[tag] else refuse()
