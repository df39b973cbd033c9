"""Ratios of one run: printed a line each, and kept as a Markdown table."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Report:
    """Ratios with what they were made of; `goal` is the least that is hoped for."""

    title: str
    lines: list[tuple[str, float, float | None, str]] = field(default_factory=list)

    def ratio(self, name: str, value: float, goal: float | None, detail: str) -> None:
        """Note one ratio and print it."""
        self.lines.append((name, value, goal, detail))
        aim = f"  (goal {goal:g})" if goal is not None else ""
        print(f"{name} {value:.2f}{aim}  {detail}", flush=True)

    def write(self, path: Path) -> None:
        """Write the table."""
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = [
            f"| {name} | {value:.2f} | {'' if goal is None else f'{goal:g}'} | {detail} |"
            for name, value, goal, detail in self.lines
        ]
        head = [f"# {self.title}", "", "| ratio | measured | goal | of what |", "|---|---|---|---|"]
        path.write_text("\n".join([*head, *rows, ""]), encoding="utf-8")
        print(f"table: {path}")
