"""GET /v1/taxonomy."""

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel

from fenliu.taxonomy import Taxonomy
from serving.auth import AnyKey

router = APIRouter(prefix="/v1", tags=["taxonomy"])


class TaxonomyTypeOut(BaseModel):
    """情形。"""

    code: str
    name: str
    name_en: str
    definition: str
    department: str
    term: str
    due_days: int | None
    near: str


class TaxonomyCategoryOut(BaseModel):
    """类别。"""

    code: str
    name: str
    name_en: str
    owner: str
    types: list[TaxonomyTypeOut]


class TaxonomyOut(BaseModel):
    """矛调中心与公安两张清单。"""

    version: str
    categories: list[TaxonomyCategoryOut]


@router.get("/taxonomy", response_model=TaxonomyOut, summary="两张清单")
async def get_taxonomy(request: Request, principal: AnyKey) -> dict[str, Any]:
    """所有类别与情形：名称、定义、部门、时限、相近情形。"""
    taxonomy: Taxonomy = request.app.state.predict.classifier.bundle.taxonomy
    return taxonomy_document(taxonomy)


def taxonomy_document(taxonomy: Taxonomy) -> dict[str, Any]:
    """The lists as plain values."""
    document = asdict(taxonomy)
    for category, entry in zip(taxonomy.categories, document["categories"], strict=True):
        for kind, raw in zip(category.types, entry["types"], strict=True):
            raw["due_days"] = kind.due_days
    return document
