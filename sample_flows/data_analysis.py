"""Data analysis: read a dirty CSV, clean it, analyse it four ways in parallel, draw the charts as text.

Shows
    One event to several steps: `CleanData` is accepted by four analyses, which run at the same time and
    finish when they finish; `draw` gathers one Finding of each kind with `ctx.collect_events`. Cleaning
    says what it did with every bad row, as log lines and as warnings. The rows themselves stay in the
    run's state, events carry the summary only.

Try
    `wf-tui sample_flows/data_analysis.py`, `r`, then `5` for the logs of `clean`. `1` selects the
    graph: put a breakpoint on CleanData (`b`) and `e` its revenue to see how the shares of the analyses
    follow. `w` on `draw` while it waits says which findings are missing.

Headless
    wf-tui run sample_flows/data_analysis.py -i strict=true
    wf-tui run sample_flows/data_analysis.py -i min_revenue=2000 -i top=3
"""

import asyncio
import csv
import logging
import random
import statistics
import warnings
from collections import defaultdict
from datetime import date, datetime
from pathlib import Path

from pydantic import BaseModel, Field

from wf_core import Context, Workflow, step
from wf_core.events import Event, StartEvent, StopEvent

log = logging.getLogger("analysis")
log.setLevel(logging.INFO)

DATA = Path(__file__).parent / "data"
REGIONS = ("North", "South", "East", "West")


class AnalysisStart(StartEvent):
    """What to analyse, and how picky to be."""

    file: str = Field(default="sales.csv", pattern=r"^[\w.-]+\.csv$", description="A CSV file in data/")
    strict: bool = Field(default=False, description="Throw odd rows away instead of repairing them")
    min_revenue: float = Field(default=0, ge=0, description="Leave orders below this out of the analyses")
    top: int = Field(default=6, ge=1, le=20, description="Bars per chart, months excepted")
    seed: int = Field(default=7, description="The same seed gives the same delays")
    pace: float = Field(default=1.0, ge=0, le=10, description="Multiplies every delay; 0 runs at once")


class RawData(Event):
    """The file as it was read."""

    file: str
    rows: int
    strict: bool
    min_revenue: float


class CleanData(Event):
    """Rows that can be trusted; they wait in the state."""

    rows: int
    revenue: float
    repaired: int
    thrown_away: int


class ByRegion(Event):
    """Revenue per region."""

    bars: dict[str, float]
    revenue: float


class ByProduct(Event):
    """Revenue per product."""

    bars: dict[str, float]
    revenue: float


class ByMonth(Event):
    """Revenue per month, and how it moves."""

    bars: dict[str, float]
    slope: float = Field(description="Euro a month, least squares")


class Outliers(Event):
    """Orders far from the others of their product."""

    orders: list[str]


class Sale(BaseModel):
    """One clean row."""

    day: date
    order: str
    region: str
    product: str
    units: int
    unit_price: float

    @property
    def revenue(self) -> float:
        return self.units * self.unit_price


class AnalysisState(BaseModel):
    """The rows, before and after."""

    raw: list[dict[str, str]] = Field(default_factory=list)
    sales: list[Sale] = Field(default_factory=list)
    top: int = 6
    seed: int = 7
    pace: float = 1.0


class BadRow(ValueError):
    """A row that cannot be repaired."""


def day_of(text: str) -> date:
    """ISO date, or day/month/year as one office writes it."""
    for form in ("%Y-%m-%d", "%d/%m/%Y"):
        try:
            return datetime.strptime(text, form).date()
        except ValueError:
            continue
    raise BadRow(f"no date: {text!r}")


def region_of(text: str) -> str:
    """The region that was meant."""
    name = text.strip().capitalize()
    if name in REGIONS:
        return name
    same_letters = [region for region in REGIONS if sorted(region.lower()) == sorted(name.lower())]
    if same_letters:
        return same_letters[0]
    raise BadRow(f"no region: {text!r}")


def price_of(text: str) -> float:
    """A price, with a comma or a currency if need be."""
    try:
        return float(text.replace("EUR", "").replace(",", ".").strip())
    except ValueError:
        raise BadRow(f"no price: {text!r}") from None


def sale_of(row: dict[str, str]) -> Sale:
    """One row as a sale, repaired where its meaning is clear.

    Raises:
        BadRow: where it is not.
    """
    if not row["units"].isdigit() or not 0 < int(row["units"]) < 1000:
        raise BadRow(f"units: {row['units']!r}")
    if not row["product"]:
        raise BadRow("no product")
    return Sale(
        day=day_of(row["date"]),
        order=row["order"],
        region=region_of(row["region"]),
        product=row["product"],
        units=int(row["units"]),
        unit_price=price_of(row["unit_price"]),
    )


def as_written(sale: Sale) -> dict[str, str]:
    """The row that would have needed no repair."""
    return {
        "date": sale.day.isoformat(),
        "order": sale.order,
        "region": sale.region,
        "product": sale.product,
        "units": str(sale.units),
        "unit_price": f"{sale.unit_price:.2f}",
    }


def totals(pairs: list[tuple[str, float]]) -> dict[str, float]:
    """Sum by key, largest first."""
    summed: defaultdict[str, float] = defaultdict(float)
    for key, value in pairs:
        summed[key] += value
    return {
        key: round(value, 2) for key, value in sorted(summed.items(), key=lambda pair: (-pair[1], pair[0]))
    }


def chart(title: str, bars: dict[str, float], width: int = 40) -> str:
    """A bar chart in text, one line a bar, with eighths of a character."""
    longest = max(bars.values(), default=1)
    lines = [title, "-" * len(title)]
    for label, value in bars.items():
        eighths = round(8 * width * value / longest)
        bar = "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()
        lines.append(f"{label:<20} {bar:<{width}} {value:>10,.0f}")
    return "\n".join(lines)


class DataAnalysis(Workflow):
    """Turns a sales file into charts."""

    @step
    async def acquire(self, ctx: Context[AnalysisState], ev: AnalysisStart) -> RawData:
        """Read the file."""
        path = DATA / ev.file
        if not path.exists():
            names = ", ".join(sorted(other.name for other in DATA.glob("*.csv")))
            raise FileNotFoundError(f"{ev.file} is not in {DATA.name}/; there is: {names}")
        with path.open(encoding="utf-8", newline="") as lines:
            raw = list(csv.DictReader(lines))
        async with ctx.store.edit_state() as state:
            state.raw, state.top, state.seed, state.pace = raw, ev.top, ev.seed, ev.pace
        await asyncio.sleep(0.6 * ev.pace)
        print(f"{ev.file}: {len(raw)} rows, columns {', '.join(raw[0])}")
        return RawData(file=ev.file, rows=len(raw), strict=ev.strict, min_revenue=ev.min_revenue)

    @step
    async def clean(self, ctx: Context[AnalysisState], ev: RawData) -> CleanData:
        """Repair what is clear, throw away what is not, and say so."""
        state = await ctx.store.get_state()
        sales: dict[str, Sale] = {}
        repaired = thrown_away = 0
        for line, row in enumerate(state.raw, 2):
            try:
                sale = sale_of(row)
            except BadRow as error:
                log.warning("line %d thrown away: %s", line, error)
                thrown_away += 1
                continue
            if sale.order in sales:
                log.warning("line %d thrown away: order %s came twice", line, sale.order)
                thrown_away += 1
                continue
            if row != as_written(sale):
                if ev.strict:
                    log.warning("line %d thrown away, strict: %s", line, list(row.values()))
                    thrown_away += 1
                    continue
                log.info("line %d repaired: %s", line, list(row.values()))
                repaired += 1
            sales[sale.order] = sale
        if thrown_away > len(state.raw) * 0.05:
            warnings.warn(f"{thrown_away} of {len(state.raw)} rows thrown away", stacklevel=1)
        await asyncio.sleep(1.1 * state.pace)
        kept = [sale for sale in sales.values() if sale.revenue >= ev.min_revenue]
        await ctx.store.set("sales", kept)
        revenue = round(sum(sale.revenue for sale in kept), 2)
        return CleanData(rows=len(kept), revenue=revenue, repaired=repaired, thrown_away=thrown_away)

    @step
    async def by_region(self, ctx: Context[AnalysisState], ev: CleanData) -> ByRegion:
        """Where is it sold?"""
        sales = await self.rows_after_a_while(ctx, "region", 0.8)
        return ByRegion(bars=totals([(sale.region, sale.revenue) for sale in sales]), revenue=ev.revenue)

    @step
    async def by_product(self, ctx: Context[AnalysisState], ev: CleanData) -> ByProduct:
        """What is sold?"""
        sales = await self.rows_after_a_while(ctx, "product", 1.4)
        return ByProduct(bars=totals([(sale.product, sale.revenue) for sale in sales]), revenue=ev.revenue)

    @step
    async def by_month(self, ctx: Context[AnalysisState], ev: CleanData) -> ByMonth:
        """When is it sold, and does it grow?"""
        sales = await self.rows_after_a_while(ctx, "month", 1.0)
        bars = dict(sorted(totals([(f"{sale.day:%Y-%m}", sale.revenue) for sale in sales]).items()))
        slope = (
            statistics.linear_regression(range(len(bars)), list(bars.values())).slope
            if len(bars) > 1
            else 0.0
        )
        return ByMonth(bars=bars, slope=round(slope, 2))

    @step
    async def outliers(self, ctx: Context[AnalysisState], ev: CleanData) -> Outliers:
        """Which orders stand out from their product?"""
        sales = await self.rows_after_a_while(ctx, "outliers", 2.0)
        units: dict[str, list[int]] = {}
        for sale in sales:
            units.setdefault(sale.product, []).append(sale.units)
        odd = [
            f"{sale.order}: {sale.units} x {sale.product}, {sale.region}"
            for sale in sales
            if len(units[sale.product]) > 2
            and abs(sale.units - statistics.mean(units[sale.product]))
            > 2.3 * statistics.stdev(units[sale.product])
        ]
        return Outliers(orders=odd)

    @step
    async def draw(
        self, ctx: Context[AnalysisState], ev: ByRegion | ByProduct | ByMonth | Outliers
    ) -> StopEvent | None:
        """Wait for all four, then draw."""
        log.info("%s is in", type(ev).__name__)
        found = ctx.collect_events(ev, [ByRegion, ByProduct, ByMonth, Outliers])
        if found is None:
            return None
        region, product, month, odd = found
        state = await ctx.store.get_state()
        await asyncio.sleep(0.9 * state.pace)
        charts = [
            chart("Revenue by region, euro", top(region.bars, state.top)),
            chart("Revenue by product, euro", top(product.bars, state.top)),
            chart("Revenue by month, euro", month.bars),
        ]
        print("\n\n".join(charts))
        print(f"\ntrend {month.slope:+,.0f} euro a month; {len(odd.orders)} orders stand out")
        best = next(iter(region.bars), "")
        share = round(region.bars.get(best, 0) / region.revenue, 3) if region.revenue else 0.0
        return StopEvent(
            result={
                "rows": len(state.sales),
                "revenue": region.revenue,
                "best_region": best,
                "best_region_share": share,
                "trend": month.slope,
                "outliers": odd.orders,
                "charts": charts,
            }
        )

    async def rows_after_a_while(self, ctx: Context[AnalysisState], name: str, seconds: float) -> list[Sale]:
        """The clean rows, once the analysis `name` has thought about them."""
        state = await ctx.store.get_state()
        jitter = random.Random(f"{state.seed}/{name}").uniform(0.7, 1.2)
        await asyncio.sleep(seconds * jitter * state.pace)
        return state.sales


def top(bars: dict[str, float], limit: int) -> dict[str, float]:
    """The largest bars, the rest in one."""
    kept = dict(list(bars.items())[:limit])
    rest = sum(list(bars.values())[limit:])
    return {**kept, "others": rest} if rest else kept


workflow = DataAnalysis(timeout=120)


async def main() -> None:
    logging.basicConfig(level=logging.INFO)
    await workflow.run()


if __name__ == "__main__":
    asyncio.run(main())
