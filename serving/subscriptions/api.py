"""Routes under /v1/subscriptions."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request

from serving.auth import Requires
from serving.predict.schemas import ProblemOut
from serving.problems import MEDIA_TYPE
from serving.subscriptions.schemas import (
    DeliveriesOut,
    DeliveryOut,
    DeliveryState,
    NewSubscriptionOut,
    ReplayedOut,
    SubscriptionIn,
    SubscriptionOut,
    SubscriptionsOut,
)
from serving.subscriptions.service import SubscriptionService

_PROBLEM: dict[str, Any] = {"model": ProblemOut, "content": {MEDIA_TYPE: {}}}
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    422: _PROBLEM | {"description": "请求内容不合要求，如不允许的接收地址"},
    503: _PROBLEM | {"description": "存储暂不可用，见 Retry-After"},
}
_NOT_FOUND: dict[int | str, dict[str, Any]] = {
    404: _PROBLEM | {"description": "没有这个订阅或投递"}
}

router = APIRouter(
    prefix="/v1/subscriptions",
    tags=["subscriptions"],
    responses=_PROBLEMS,
    dependencies=[Depends(Requires("admin"))],
)


def service(request: Request) -> SubscriptionService:
    """The service of this application."""
    found: SubscriptionService = request.app.state.subscriptions
    return found


Service = Annotated[SubscriptionService, Depends(service)]


@router.post("", status_code=201, response_model=NewSubscriptionOut, summary="订阅")
def create(body: SubscriptionIn, service: Service) -> dict[str, Any]:
    """订阅事件。应答中的 secret 用于验证签名，仅此一次给出。"""
    return service.create(body.url, body.event_types, body.description)


@router.get("", response_model=SubscriptionsOut, summary="所有订阅")
def list_all(service: Service) -> dict[str, Any]:
    """所有订阅，旧的在前。"""
    return {"subscriptions": service.all()}


@router.get(
    "/{subscription_id}",
    response_model=SubscriptionOut,
    responses=_NOT_FOUND,
    summary="查一个订阅",
)
def get(subscription_id: str, service: Service) -> dict[str, Any]:
    """一个订阅及其状态。"""
    return service.find(subscription_id)


@router.delete("/{subscription_id}", status_code=204, responses=_NOT_FOUND, summary="取消订阅")
def delete(subscription_id: str, service: Service) -> None:
    """取消订阅，未送达的事件一并删除。"""
    service.delete(subscription_id)


@router.post(
    "/{subscription_id}/pause", response_model=SubscriptionOut, responses=_NOT_FOUND, summary="暂停"
)
def pause(subscription_id: str, service: Service) -> dict[str, Any]:
    """暂停推送；事件照常积存。"""
    return service.pause(subscription_id)


@router.post(
    "/{subscription_id}/resume",
    response_model=SubscriptionOut,
    responses=_NOT_FOUND,
    summary="恢复",
)
def resume(subscription_id: str, service: Service) -> dict[str, Any]:
    """恢复推送，积存的立即投递；被 410 停用的也由此恢复。"""
    return service.resume(subscription_id)


@router.get(
    "/{subscription_id}/deliveries",
    response_model=DeliveriesOut,
    responses=_NOT_FOUND,
    summary="投递情况",
)
def list_deliveries(
    subscription_id: str,
    service: Service,
    state: DeliveryState | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    before: str | None = None,
) -> dict[str, Any]:
    """投递情况，新的在前；state=dead 为重试期满仍未送达的。"""
    found = service.deliveries(subscription_id, state, limit + 1, before)
    more = found[limit - 1]["delivery_id"] if len(found) > limit else None
    return {"deliveries": found[:limit], "next": more}


@router.post(
    "/{subscription_id}/deliveries/replay",
    status_code=202,
    response_model=ReplayedOut,
    responses=_NOT_FOUND,
    summary="重投所有死信",
)
def replay_dead(subscription_id: str, service: Service) -> dict[str, int]:
    """所有死信重新投递，重试期从头计。"""
    return {"replayed": service.replay_dead(subscription_id)}


@router.post(
    "/{subscription_id}/deliveries/{delivery_id}/replay",
    status_code=202,
    response_model=DeliveryOut,
    responses=_NOT_FOUND,
    summary="重投一条",
)
def replay(subscription_id: str, delivery_id: str, service: Service) -> dict[str, Any]:
    """一条重新投递，不论此前是否送达。"""
    return service.replay(subscription_id, delivery_id)
