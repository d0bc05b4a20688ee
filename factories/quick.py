"""Many rows at once: the declarations that factory-boy evaluates, without its machinery, which takes far longer.

It is used where a factory and its keywords hold nothing but values, relations, children and plain values; what else
factory-boy can declare is left to factory-boy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from factory import enums
from factory.base import BaseFactory

from swe_db.factories.declarations import Children, Related, Value
from swe_db.factories.drafts import Draft, point_at
from swe_db.factories.draw import Draw, column_key
from swe_db.factories.scope import current_scope

if TYPE_CHECKING:
    from swe_db.factories.base import RowOptions

__all__ = ["Quick", "is_plain", "is_quick"]

Make: TypeAlias = Callable[[list[Draft], dict[str, Any]], Any]
NOTHING: Final[dict[str, Any]] = {}


def is_quick(options: RowOptions, given: dict[str, Any]) -> bool:
    """Tell whether rows can be made without factory-boy's machinery.

    Args:
        options: What `class Meta` says.
        given: The keywords.
    """
    pre, post = options.pre_declarations.declarations, options.post_declarations.declarations
    return (
        all(isinstance(each, Value | Related) or is_plain(each) for each in pre.values())
        and all(isinstance(each, Children) for each in post.values())
        and all(is_plain(each) for each in given.values())
        and f"{enums.SPLITTER}sequence" not in given
        and not (options.exclude or options.rename or options.inline_args)
        and options.factory._adjust_kwargs.__func__ is BaseFactory._adjust_kwargs.__func__  # noqa: SLF001
    )


def is_plain(value: object) -> bool:
    """Tell whether there is nothing for factory-boy to evaluate."""
    return enums.get_builder_phase(value) is None  # type: ignore[no-untyped-call]


class Quick:
    """Makes drafts of one factory with the same keywords.

    Args:
        options: What `class Meta` says.
        given: The keywords; `project__name` reaches into the related row.

    Raises:
        FactoryError: A keyword is not acceptable.
    """

    def __init__(self, options: RowOptions, given: dict[str, Any]) -> None:
        self.options = options
        self.declared = options.pre_declarations.declarations
        self.children: dict[str, Children] = options.post_declarations.declarations
        self.plain = {name: value for name, value in given.items() if enums.SPLITTER not in name}
        self.keys = {name: column_key(options.table.name, name) for name in self.declared}
        options.check(given)
        others = {*options.parameters, *self.children}
        names = dict.fromkeys([*self.declared, *self.plain])
        wanted = [name for name in names if name not in others and not options.is_generated(name)]
        self.relations = [name for name in wanted if name in options.table.relations]
        self.columns = [name for name in wanted if name not in options.table.relations]
        fixed = {name: each for name, each in self.declared.items() if not isinstance(each, Value | Related)}
        self._values = {name for name, each in self.declared.items() if isinstance(each, Value)}
        self._order: list[tuple[str, Callable[[Any, Draw], object], int]] = []
        self._begin = {**fixed, **self.plain}
        self._begin |= {name: None for name, each in self.declared.items() if self._is_left_out(name, each)}
        self._given = given
        self._makers: dict[str, Make] = {}

    def _is_left_out(self, name: str, declared: object) -> bool:
        """Tell whether no row needs this relation: it is not given, and the trait that asks for it is not either."""
        if not isinstance(declared, Related) or name in self.plain:
            return False
        return declared.trait is not None and not self._begin.get(declared.trait)

    def make(self, drafts: list[Draft], more: dict[str, Any] = NOTHING) -> Draft:
        """Make one row, and those that it needs, and add them to `drafts`, parents before children.

        Args:
            drafts: What was made so far.
            more: Keywords of this row alone.
        """
        scope = current_scope()
        draw = Draw(scope, 0, scope.next_number(self.options.table.name), {**self.plain, **more})
        row = _Row(self, drafts, draw, {**self._begin, **more})
        self._fill(row, draw)
        known = row.__dict__
        values = {name: known[name] if name in known else getattr(row, name) for name in self.columns}
        related = {name: getattr(row, name) for name in self.relations} | more
        if not self._order:
            self._order = [(name, self.declared[name].make, self.keys[name]) for name in known if name in self._values]
        draft = Draft(self.options.model, values | point_at(self.options.table, related, stored=True))
        drafts.append(draft)
        for name, declared in self.children.items():
            for _ in range(declared.count(known, self.plain.get(name))):
                self.related(name, declared, drafts, {declared.relation: draft})
        return draft

    def _fill(self, row: _Row, draw: Draw) -> None:
        """Make the values in the order in which the first row needed them: each finds those that it looks at."""
        known = row.__dict__
        for name, make, key in self._order:
            if name not in known:
                draw.turn_to(key)
                known[name] = make(row, draw)

    def related(self, name: str, declared: Related | Children, drafts: list[Draft], more: dict[str, Any]) -> Any:
        """Make the row of a relation, or one that belongs to the row, with `more` keywords than were declared."""
        if name not in self._makers:
            self._makers[name] = self._maker(declared, self._values_of(name, declared))
        return self._makers[name](drafts, more)

    @staticmethod
    def _maker(declared: Related | Children, values: dict[str, Any]) -> Make:
        factory = declared.get_factory()
        if is_quick(factory._meta, values):  # noqa: SLF001
            return Quick(factory._meta, values).make  # noqa: SLF001
        return lambda drafts, more: factory.build(**values, **more)  # they add themselves

    def _values_of(self, name: str, declared: Related | Children) -> dict[str, Any]:
        prefix = f"{name}{enums.SPLITTER}"
        deep = {key.removeprefix(prefix): value for key, value in self._given.items() if key.startswith(prefix)}
        return {**declared.values, **deep}


class _Row:
    """A row whose columns and relations are made when they are looked at."""

    def __init__(self, maker: Quick, drafts: list[Draft], draw: Draw, known: dict[str, Any]) -> None:
        self.__dict__ = known
        self._maker = maker
        self._drafts = drafts
        self._draw = draw

    def __getattr__(self, name: str) -> Any:
        maker, given = self._maker, self._draw.given
        declared = maker.declared.get(name)
        if type(declared) is Value:
            made = declared.make(self, self._draw.turned_to(maker.keys[name]))
        elif declared is None:
            raise AttributeError(f"the factory of {maker.options.table.name} gives no {name}")
        elif declared.is_left_out(self, given):
            made = None
        else:
            made = maker.related(name, declared, self._drafts, declared.shared(self, given))
        self.__dict__[name] = made
        return made
