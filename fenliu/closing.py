"""Closing formulas of call-takers: 以上为报警人自述，请尽快派民警到场核实并反馈。

They say nothing of the matter, and only some desks write them. A clause is one if it consists of
nothing but words of the office; so no fact that a caller gave can ever be part of one.
"""

import re

_SEPARATORS = ",.;!?:~…"
# Shorter clauses (请民警处理, 需处理) are how calls end everywhere, and the model knows them.
_SHORTEST = 6
_LONGEST = 40
_WORDS = re.findall(
    r"\w+",
    """
    以上 上述 为 系 均 由 属实 报警人 报案人 来电人 当事人 市民 群众 本人 自述
    陈述 口述 所述 反映 情况 内容 信息 诉求 具体 详细 详情 待 需 须 请 望
    希望 恳请 烦请 敬请 尽快 尽早 及时 迅速 速 立即 抓紧 派 安排 民警 警员
    警力 派出所 辖区 属地 工作人员 人员 有关 相关 部门 承办 责任 单位 职能 贵
    到 赴 前往 现场 到场 出警 处警 处理 处置 核实 核查 查证 调查 了解 查看
    办理 办结 反馈 回复 答复 结果 并 和 及 后 予以 给予 按照 按 依 规定 期限
    时限 时 内 将 已 工单 警单 编号 单号 登记 记录 录入 转派 转办 派发 流转
    下派 联系 知悉 知晓 为准 以 谢谢 感谢 特此 报告
    """,
)
# Longest words first and no way back, so that no text can make it slow.
_ANY_WORD = "|".join(sorted(_WORDS, key=len, reverse=True))
_CLAUSE = re.compile(rf"(?=[请望希恳烦敬以上具详工警编单特已])(?:{_ANY_WORD}|\d)++")


def closing_start(text: str) -> int:
    """Where the closing formulas of a normalised text start; its length where there are none.

    The first clause is never one: something must be left to decide on.
    """
    end = len(text)
    while True:
        stop = end
        while stop and text[stop - 1] in _SEPARATORS:
            stop -= 1
        start = stop
        while start and text[start - 1] not in _SEPARATORS and stop - start <= _LONGEST:
            start -= 1
        formula = _SHORTEST <= stop - start <= _LONGEST and _CLAUSE.fullmatch(text, start, stop)
        if start == 0 or not formula:
            return end
        end = start
