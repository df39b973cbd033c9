"""What crosses the wire when other systems subscribe."""

from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from serving.events import EventType
from serving.predict.schemas import Label

SubscriptionState = Literal["active", "paused", "disabled"]
DeliveryState = Literal["pending", "delivered", "dead"]

SUBSCRIPTION_EXAMPLE: dict[str, Any] = {
    "url": "https://hooks.mediation.example/fenliu",
    "event_types": ["decision.made", "decision.revised"],
    "description": "矛调中心综合受理平台",
}


class SubscriptionIn(BaseModel):
    """向何处推送哪些事件。"""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [SUBSCRIPTION_EXAMPLE]}
    )

    url: str = Field(description="接收地址，http 或 https；须符合 FENLIU_WEBHOOK_ALLOWED_HOSTS")
    event_types: list[EventType] | None = Field(
        None, min_length=1, description="事件类型；不填则全部，含以后新增的"
    )
    description: Label | None = Field(None, max_length=256, description="备注")


class SubscriptionOut(BaseModel):
    """订阅。disabled：接收方答 410，不再推送；resume 可恢复。"""

    subscription_id: str
    url: str
    event_types: list[EventType] | None
    description: str | None
    state: SubscriptionState
    created_at: AwareDatetime


class NewSubscriptionOut(SubscriptionOut):
    """新订阅，附签名密钥。"""

    secret: str = Field(description="签名密钥（Standard Webhooks），仅此一次给出，请妥善保存")


class SubscriptionsOut(BaseModel):
    """所有订阅，旧的在前。"""

    subscriptions: list[SubscriptionOut]


class DeliveryOut(BaseModel):
    """一个事件向一个订阅的投递。"""

    delivery_id: str
    event_id: str = Field(description="即 webhook-id，重发不变，供接收方去重")
    event_type: str
    subject: str = Field(description="警情编号，无编号时为决定编号；同一 subject 依次投递")
    state: DeliveryState
    attempts: int
    created_at: AwareDatetime
    next_attempt_at: AwareDatetime | None = Field(description="下次尝试不早于此；已结束为 null")
    settled_at: AwareDatetime | None = Field(description="送达或放弃的时间")
    last_status: int | None = Field(description="最近一次的 HTTP 状态码")
    last_error: str | None = Field(
        description="最近一次失败的原因：status、redirect、timeout、connection_failed、"
        "tls_failed、name_unknown、target_refused、internal"
    )


class DeliveriesOut(BaseModel):
    """投递，新的在前。"""

    deliveries: list[DeliveryOut]
    next: str | None = Field(description="还有更旧的则给出，作为下一页的 before")


class ReplayedOut(BaseModel):
    """重新投递了几条。"""

    replayed: int
