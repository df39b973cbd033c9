"""Decisions and lists as people read them in a terminal. Chinese, as the users' screens are."""

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from fenliu.decision import Decision
from fenliu.taxonomy import MEDIATION_CENTRE, Taxonomy

ACTIONS = {"divert": "分流", "dispatch_police": "派警", "human_review": "人工审核"}
OWNERS = {"mediation_centre": "矛调中心", "police": "公安", "outside": "清单外"}
TERMS = {
    "simple": "简单",
    "ordinary": "一般",
    "complex": "复杂",
    "emergency": "立即出警",
    "prompt": "当日出警",
    "routine": "24 小时内受理",
}
REVIEW_REASONS = {
    "low_confidence": "把握不足",
    "close_candidates": "候选相近",
    "outside_lists": "不在清单内",
    "too_little_information": "信息过少",
    "conflict_with_red_flag": "与红线冲突",
}
_STYLES = {"divert": "green", "dispatch_police": "red", "human_review": "yellow"}


def decision_panel(text: str, decision: Decision) -> RenderableType:
    """One decision, its reasons marked in the narrative."""
    style = _STYLES[decision.action]
    kind = decision.type
    facts = Table.grid(padding=(0, 2))
    facts.add_row("处置方式", Text(ACTIONS[decision.action], style=f"bold {style}"))
    facts.add_row("权属", _owners(decision))
    facts.add_row("情形", f"{kind.code} {kind.name}（{kind.category}） {kind.probability:.0%}")
    if decision.route:
        due = f"，{decision.route.due_days} 天内反馈" if decision.route.due_days else ""
        facts.add_row("去向", f"{decision.route.department}，{TERMS[decision.route.term]}{due}")
    others = "，".join(f"{c.code} {c.name} {c.probability:.0%}" for c in decision.candidates[1:3])
    facts.add_row("其他候选", others)
    for flag in decision.red_flags:
        facts.add_row("红线", Text(f"{flag.name}：{flag.text}", style="bold red"))
    if decision.review_reasons:
        facts.add_row("审核原因", "，".join(REVIEW_REASONS[r] for r in decision.review_reasons))
    for question in decision.questions:
        facts.add_row("请问报警人", Text(question, style="cyan"))
    versions = f"{decision.model_version} {decision.policy_version} {decision.taxonomy_version}"
    return Panel(Group(_marked(text, decision), "", facts), subtitle=versions, border_style=style)


def print_taxonomy(console: Console, taxonomy: Taxonomy) -> None:
    """Both lists, category by category."""
    for category in taxonomy.categories:
        owner = OWNERS[category.owner]
        style = "green" if category.owner == MEDIATION_CENTRE else "red"
        table = Table(
            title=f"{category.code} {category.name}（{owner}）", title_style=f"bold {style}"
        )
        for heading in ("编码", "情形", "部门", "时限", "定义"):
            table.add_column(heading, no_wrap=heading in ("编码", "情形"))
        for kind in category.types:
            days = f" {kind.due_days} 天" if kind.due_days else ""
            term = f"{TERMS[kind.term]}{days}"
            table.add_row(kind.code, kind.name, kind.department, term, kind.definition)
        console.print(table)
    counts = [
        f"{OWNERS[owner]} {len(members)} 类 {sum(len(c.types) for c in members)} 情形"
        for owner in ("mediation_centre", "police")
        for members in [[c for c in taxonomy.categories if c.owner == owner]]
    ]
    console.print(f"版本 {taxonomy.version}：{len(taxonomy.types)} 情形；" + "；".join(counts))


def _owners(decision: Decision) -> str:
    shares = (f"{OWNERS[o]} {p:.0%}" for o, p in decision.owner_probability.items())
    return f"{OWNERS[decision.owner]}（{'，'.join(shares)}）"


def _marked(text: str, decision: Decision) -> Text:
    marked = Text(text)
    for reason in decision.reasons[:3]:
        marked.stylize("bold underline", reason.start, reason.end)
    for flag in decision.red_flags:
        marked.stylize("bold red", flag.start, flag.end)
    return marked
