"""``/plans``: prices per interval, and charges for what is used."""

from typing import Final

from flask import Response, jsonify

from ingest_api.api import current_api
from ingest_api.auth import require_principal
from ingest_api.errors import not_found
from ingest_api.lago.path_codes import code_in_path
from ingest_api.lago.plans_answer import charge_answer, plan_answer
from ingest_api.lago.plans_changes import (
    UNKNOWN,
    create_plan,
    remove_plan,
    update_plan,
)
from ingest_api.lago.wrapped import PageQuerySchema, page_of, read_query
from ingest_api.reads import page_meta
from ingest_api.route import Route
from ledger.catalog_pages import PlanEntry, find_plan, plan_page
from schemas.lago_charges import ChargesAnswerSchema, OneChargeAnswerSchema
from schemas.lago_plans import (
    NewPlanRequestSchema,
    PlanAnswerSchema,
    PlanChangeRequestSchema,
    PlansAnswerSchema,
)

UNKNOWN_CHARGE: Final = "charge_not_found"

_QUERY: Final = PageQuerySchema()


def list_plans() -> Response:
    """The service's plans, the newest first."""
    service_id = require_principal().service_id
    page = page_of(read_query(_QUERY))
    found = current_api().query(
        lambda conn: plan_page(conn, service_id, page.size, page.offset)
    )
    plans = [plan_answer(plan) for plan in found.entries]
    meta = page_meta(page.number, page.size, found.total)
    return jsonify({"plans": plans, "meta": meta})


def show_plan(code: str) -> Response:
    """One plan."""
    return jsonify({"plan": plan_answer(_find(code))})


def list_charges(code: str) -> Response:
    """A plan's charges, by their metrics' codes."""
    plan = _find(code)
    page = page_of(read_query(_QUERY))
    charges = plan.charges[page.offset : page.offset + page.size]
    meta = page_meta(page.number, page.size, len(plan.charges))
    body = [charge_answer(plan, charge) for charge in charges]
    return jsonify({"charges": body, "meta": meta})


def show_charge(code: str, charge_code: str) -> Response:
    """One charge of a plan."""
    plan = _find(code)
    for charge in plan.charges:
        if charge.metric_code == charge_code:
            return jsonify({"charge": charge_answer(plan, charge)})
    raise not_found(UNKNOWN_CHARGE)


def _find(code: str) -> PlanEntry:
    service_id = require_principal().service_id
    code = code_in_path(code, UNKNOWN)
    plan = current_api().query(lambda conn: find_plan(conn, service_id, code))
    if plan is None:
        raise not_found(UNKNOWN)
    return plan


ROUTES: Final = (
    Route(
        method="POST",
        path="/plans",
        name="create_plan",
        view=create_plan,
        summary="Make a plan with its charges; with a key that has the scope catalog",
        answers={200: PlanAnswerSchema},
        errors=(400, 401, 403, 404, 408, 413, 415, 422, 429, 503),
        body=NewPlanRequestSchema,
    ),
    Route(
        method="PUT",
        path="/plans/<path:code>",
        name="update_plan",
        view=update_plan,
        summary="Change a plan; the charges given are all; with the scope catalog",
        answers={200: PlanAnswerSchema},
        errors=(400, 401, 403, 404, 408, 413, 415, 422, 429, 503),
        body=PlanChangeRequestSchema,
    ),
    Route(
        method="DELETE",
        path="/plans/<path:code>",
        name="remove_plan",
        view=remove_plan,
        summary="Delete a plan; its subscriptions go on; with the scope catalog",
        answers={200: PlanAnswerSchema},
        errors=(401, 403, 404, 422, 429, 503),
    ),
    Route(
        method="GET",
        path="/plans",
        name="list_plans",
        view=list_plans,
        summary="The plans with their charges, the newest first",
        answers={200: PlansAnswerSchema},
        errors=(401, 422, 429, 503),
        query=PageQuerySchema,
    ),
    Route(
        method="GET",
        path="/plans/<path:code>",
        name="show_plan",
        view=show_plan,
        summary="One plan with its charges",
        answers={200: PlanAnswerSchema},
        errors=(401, 404, 429, 503),
    ),
    Route(
        method="GET",
        path="/plans/<path:code>/charges",
        name="list_charges",
        view=list_charges,
        summary="The charges of a plan",
        answers={200: ChargesAnswerSchema},
        errors=(401, 404, 422, 429, 503),
        query=PageQuerySchema,
    ),
    Route(
        method="GET",
        path="/plans/<path:code>/charges/<path:charge_code>",
        name="show_charge",
        view=show_charge,
        summary="One charge of a plan, by its metric's code",
        answers={200: OneChargeAnswerSchema},
        errors=(401, 404, 429, 503),
    ),
)
