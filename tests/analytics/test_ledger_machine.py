"""Any order of the verbs leaves the books right, while limits are edited, raised for a while,
suspended and only watched."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import ClassVar
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from analytics import ledger
from analytics.lookup import Connection
from analytics.models import Attempt, Budget, BudgetOverride, BudgetWindow
from analytics.values import Held, Hold, Origin, Progress, Refused
from tests.analytics import books
from tests.analytics.books import Book

CAPS = (Decimal(3), Decimal("7.5"), Decimal(20))
LIMITS = (Decimal(0), Decimal(1), Decimal(6), Decimal(20))
HOURS = st.sampled_from([(-2, -1), (-1, 1), (1, 2)])
MONTHS = [datetime(2026, month, 1, tzinfo=UTC) for month in (1, 2, 3)]

amounts = st.decimals(min_value=0, max_value=4, places=12)
choices = st.lists(st.sampled_from(range(len(CAPS))), unique=True, max_size=3)
one_of_all = st.sampled_from(range(len(CAPS)))


class Books(RuleBasedStateMachine):
    """`ended` remembers what each attempt must have ended as, as told by the verbs' answers."""

    connection: ClassVar[Connection]
    attempts = Bundle[UUID]("attempts")

    @initialize()
    def opened(self) -> None:
        self.book = Book.open()
        self.budgets: list[Budget] = [self.book.budget(cap) for cap in CAPS]
        self.origins = [self.book.origin() for _ in range(3)]
        self.ended: dict[UUID, Decimal] = {}
        self.papers: dict[UUID, tuple[Origin, Hold]] = {}
        self.guessed: set[UUID] = set()
        self.so_far: dict[UUID, Decimal] = {}
        self.totals: dict[int, Decimal] = {}
        self.more = Decimal(0)
        """What any window may have gained in this step."""
        self.refused: dict[int, int] = {}
        self.count = 0

    @rule(
        target=attempts,
        amount=amounts,
        chosen=choices,
        month=st.sampled_from([0, 1]),
        request=st.sampled_from([0, 1, 2]),
        lease_s=st.sampled_from([-1.0, 60.0]),
    )
    def hold(
        self, amount: Decimal, chosen: list[int], month: int, request: int, lease_s: float
    ) -> UUID | MultipleResults[UUID]:
        self.count += 1
        spans = [books.span(self.budgets[one], *MONTHS[month : month + 2]) for one in chosen]
        wanted = books.hold(amount, *spans, number=self.count, lease_s=lease_s)
        self.papers[wanted.attempt_id] = self.origins[request], wanted
        full = self._full(chosen, MONTHS[month], amount)
        answer = ledger.hold(self.connection, self.origins[request], wanted)
        if any(budget.mode == "enforce" for budget in full):
            assert isinstance(answer, Refused)
            self._count(full, "enforce")
            return multiple()
        assert isinstance(answer, Held)
        assert {each.budget_id for each in answer.shadow} == {budget.pk for budget in full}
        if self.count == 1:
            self._count(full, "shadow")
        self.more += amount
        self._keeps_within(chosen, MONTHS[month], amount)
        return wanted.attempt_id

    def _full(self, chosen: list[int], month: datetime, amount: Decimal) -> list[Budget]:
        """Which budgets have no room for it by the rows alone, without asking the book."""
        full = []
        for one in chosen:
            budget = Budget.objects.get(pk=self.budgets[one].pk)
            limit = self._limit(budget)
            if not limit or (amount and self._total(budget, month) + amount > limit):
                full.append(budget)
        return full

    def _limit(self, budget: Budget) -> Decimal:
        now = datetime.now(UTC)
        raised = budget.overrides.filter(starts_at__lte=now, ends_at__gt=now).order_by("-id")
        newest = raised.first()
        return newest.limit_usd if newest else budget.limit_usd

    def _total(self, budget: Budget, month: datetime) -> Decimal:
        found = BudgetWindow.objects.filter(budget=budget, starts_at=month).first()
        return found.settled + found.held if found else Decimal(0)

    def _count(self, full: list[Budget], mode: str) -> None:
        for budget in full:
            if budget.mode == mode:
                self.refused[budget.pk] = self.refused.get(budget.pk, 0) + 1

    def _keeps_within(self, chosen: list[int], month: datetime, amount: Decimal) -> None:
        """What is settled and held never exceeds an enforced limit by anything that was let in."""
        for one in chosen:
            budget = Budget.objects.get(pk=self.budgets[one].pk)
            if budget.mode == "enforce" and amount:
                assert self._total(budget, month) <= self._limit(budget)

    @rule(one=one_of_all, limit=st.sampled_from(LIMITS))
    def edit(self, one: int, limit: Decimal) -> None:
        Budget.objects.filter(pk=self.budgets[one].pk).update(limit_usd=limit)

    @rule(one=one_of_all, mode=st.sampled_from(["enforce", "enforce", "shadow"]))
    def flip(self, one: int, mode: str) -> None:
        Budget.objects.filter(pk=self.budgets[one].pk).update(mode=mode)

    @rule(one=one_of_all, limit=st.sampled_from(LIMITS), hours=HOURS)
    def override(self, one: int, limit: Decimal, hours: tuple[int, int]) -> None:
        now = datetime.now(UTC)
        BudgetOverride.objects.create(
            budget=self.budgets[one],
            limit_usd=limit,
            starts_at=now + timedelta(hours=hours[0]),
            ends_at=now + timedelta(hours=hours[1]),
            reason="r",
        )

    @rule(one=one_of_all)
    def end_overrides(self, one: int) -> None:
        begun = BudgetOverride.objects.filter(budget=self.budgets[one])
        begun.filter(starts_at__lt=datetime.now(UTC)).update(ends_at=datetime.now(UTC))

    @rule(chosen=st.lists(attempts, min_size=1, max_size=4), lease_s=st.sampled_from([-1.0, 60.0]))
    def claim(self, chosen: list[UUID], lease_s: float) -> None:
        claimed = ledger.claim(self.connection, chosen, worker="w", lease_s=lease_s)
        assert not claimed & self.ended.keys()

    @rule(
        chosen=st.lists(attempts, min_size=1, max_size=4),
        lease_s=st.sampled_from([-1.0, 60.0]),
        cost=amounts,
        tokens=st.sampled_from([0, 7]),
    )
    def renew(self, chosen: list[UUID], lease_s: float, cost: Decimal, tokens: int) -> None:
        """A worker says how far each has come, or nothing of it."""
        told = cost if tokens else Decimal(0)
        running = [Progress(attempt_id=each, cost=told, tokens=tokens) for each in set(chosen)]
        live = ledger.renew(self.connection, running, lease_s=lease_s)
        assert live == set(chosen) - self.ended.keys()
        for attempt in live if tokens else ():
            self.so_far[attempt] = max(cost, self.so_far.get(attempt, Decimal(0)))

    @rule(told=st.lists(st.tuples(attempts, amounts), min_size=1, max_size=5))
    def settle(self, told: list[tuple[UUID, Decimal]]) -> None:
        first = dict(reversed(told))
        held = dict(Attempt.objects.filter(pk__in=first).values_list("pk", "amount"))
        settled = ledger.settle(self.connection, [books.settlement(*each) for each in told])
        assert settled == first.keys() - self.ended.keys()
        self.ended |= {attempt: first[attempt] for attempt in settled}
        self.more += sum((max(Decimal(0), first[a] - held[a]) for a in settled), Decimal(0))

    @rule(chosen=st.lists(attempts, min_size=1, max_size=4))
    def release(self, chosen: list[UUID]) -> None:
        released = ledger.release(self.connection, chosen)
        assert released == set(chosen) - self.ended.keys()
        self.ended |= dict.fromkeys(released, Decimal(0))

    @rule()
    def sweep(self) -> None:
        late = dict(
            Attempt.objects.filter(
                state__in=["held", "running"], lease_until__lte=datetime.now(UTC)
            ).values_list("pk", "amount")
        )
        running = set(
            Attempt.objects.filter(pk__in=late, state="running").values_list("pk", flat=True)
        )
        swept = ledger.sweep(self.connection, open_limit_s=timedelta(days=1).total_seconds())
        assert (swept.settled, swept.released) == (len(running), len(late) - len(running))
        guesses = {attempt: self.so_far.get(attempt, late[attempt]) for attempt in running}
        self.ended |= {attempt: guesses.get(attempt, Decimal(0)) for attempt in late}
        self.more += sum(
            (max(Decimal(0), guess - late[attempt]) for attempt, guess in guesses.items()),
            Decimal(0),
        )
        self.guessed |= late.keys()

    @rule(chosen=attempts, cost=amounts)
    def adopt(self, chosen: UUID, cost: Decimal) -> None:
        """What the sweeper ended, its worker may still put right, once."""
        origin, hold = self.papers[chosen]
        told = books.settlement(chosen, cost)
        booked = ledger.adopt(self.connection, origin, hold, told)
        assert bool(booked) == (chosen in self.guessed)
        if booked:
            self.guessed.remove(chosen)
            self.more += max(Decimal(0), cost - self.ended[chosen])
            self.ended[chosen] = cost

    @rule(target=attempts, amount=amounts, chosen=choices, request=st.sampled_from([0, 1, 2]))
    def adopt_lost(self, amount: Decimal, chosen: list[int], request: int) -> UUID:
        """A crash of the database lost the hold while its worker ran."""
        self.count += 1
        spans = [books.span(self.budgets[one], *MONTHS[:2]) for one in chosen]
        lost = books.hold(amount, *spans, number=self.count, attempt_id=uuid4())
        self.papers[lost.attempt_id] = self.origins[request], lost
        told = books.settlement(lost.attempt_id, amount)
        assert ledger.adopt(self.connection, self.origins[request], lost, told) == "settlement"
        self.ended[lost.attempt_id] = amount
        self.more += amount
        return lost.attempt_id

    @invariant()
    def agrees(self) -> None:
        assert ledger.checks(self.connection) == []
        own = BudgetWindow.objects.filter(budget__in=self.budgets)
        refused: dict[int, int] = {}
        for window in own:
            total, before = window.settled + window.held, self.totals.get(window.pk, Decimal(0))
            assert total <= before + self.more, "only holds and truths beyond them add"
            self.totals[window.pk] = total
            refused[window.budget_id] = refused.get(window.budget_id, 0) + window.refused
        self.more = Decimal(0)
        assert {pk: count for pk, count in refused.items() if count} == self.refused
        costs = dict(Attempt.objects.filter(pk__in=self.ended).values_list("pk", "cost"))
        assert costs == self.ended


@pytest.mark.timeout(120)
def test_any_order_of_verbs(connection: Connection) -> None:
    Books.connection = connection
    run_state_machine_as_test(
        Books,
        settings=settings(
            max_examples=25,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
