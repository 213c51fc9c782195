"""The question that a model is asked about one function."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from importlib import resources

import jinja2

from superopt_cc.assembly.fragment import own_fragment
from superopt_cc.assembly.unit import Function
from superopt_cc.propose.base import Context
from superopt_cc.propose.csource import Item, plain, types_for

_MOST_HOT_LINES = 60
_JUMP = re.compile(r"\tj\w+\t(\.\w+)$")


@dataclasses.dataclass(frozen=True, slots=True)
class Prompt:
    """Instructions and question; `digest` is the sha256 of both."""

    system: str
    question: str

    @property
    def digest(self) -> str:
        return hashlib.sha256(f"{self.system}\0{self.question}".encode()).hexdigest()


def build_prompt(context: Context, source: str, definition: Item) -> Prompt:
    """Ask for a faster version of `definition`, a function of preprocessed text `source`."""
    job = context.job
    flags = [w for w in job.command.code_options() if w.startswith(("-O", "-f", "-m", "-std"))]
    fields = {
        "name": job.name,
        "function": plain(source, definition),
        "types": types_for(source, definition),
        "hot": hot_part(context.unit.function(job.name)),
        "flags": " ".join(flags),
        "isa": ", ".join(sorted(m.strip("_") for m in job.facts.isa)),
    }
    return Prompt(_render("system.j2", {}), _render("rewrite.j2", fields))


def _render(template: str, fields: dict[str, str]) -> str:
    text = resources.files(__package__).joinpath("prompts", template).read_text("utf-8")
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False
    )
    return environment.from_string(text).render(fields).strip()


def hot_part(function: Function) -> str:
    """The longest innermost loop of gcc's code, all of it where there is no loop, cut at 60 lines.

    Innermost means: a backward jump whose span holds no other one.
    """
    body = own_fragment(function).body
    places = {s[:-1]: i for i, s in enumerate(body) if s.endswith(":")}
    spans: list[tuple[int, int]] = []
    for end, statement in enumerate(body):
        jump = _JUMP.match(statement)
        start = places.get(jump.group(1), end) if jump else end
        if start < end:
            spans.append((start, end))
    inner = [a for a in spans if not any(a[0] <= b[0] and b[1] <= a[1] and a != b for b in spans)]
    start, end = max(inner, key=lambda span: span[1] - span[0], default=(0, len(body)))
    return "\n".join(body[start : end + 1][:_MOST_HOT_LINES])
