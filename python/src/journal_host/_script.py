"""The functions of a script: which there are, the plan that follows from them, and how they are called.

The runtime calls them for the host, and `journal_host.testing` natively."""

import inspect

from . import Rejected, _objects, _rows, _tracebacks
from ._objects import Damaged
from ._printing import Printed
from ._dicts import FIELDS
from ._names import nearest

# Tracebacks of rejected objects that are logged, and that differ; the others have a line each.
REJECTIONS = 10


class Script:
    """A module with the functions of a script.

    `write_log(level, text)` logs, and `name_of` is that of `_tracebacks.short`. With `prints_output`, printed text is an
    output; with None, it is one if no function takes `emit`.

    Raises TypeError where the module is no script, or would do nothing."""

    def __init__(self, module, write_log, name_of, prints_output=None):
        self.module, self.write_log, self.name_of = module, write_log, name_of
        self.rejected = set()
        self.fields = _objects.chosen_fields(self.get("FIELDS", {}), self.get("OBJECT_TYPES", ()))
        if isinstance(self.get("OBJECT_TYPES"), str) and module.OBJECT_TYPES != "any":
            raise TypeError('OBJECT_TYPES is a list of texts, such as ["revision"], or "any"')
        self.is_lazy = self.get("LAZY", True)
        if not isinstance(self.is_lazy, bool):
            raise TypeError("LAZY is True or False")
        self.choose()
        self.check_functions()
        checkpoint = self.get("checkpoint")
        self.checkpoint_function = checkpoint if callable(checkpoint) else None
        # Those of the functions that are called with `emit`, too.
        self.emitting = {id(function) for function in self.functions() if takes_emit(function, 1)}
        if self.checkpoint_function and takes_emit(self.checkpoint_function, 0):
            self.emitting.add(id(self.checkpoint_function))
        does_emit = bool(self.emitting)
        if not does_emit and hasattr(module, "OUTPUTS"):
            raise TypeError("the script declares OUTPUTS, and no function of it takes `emit`")
        self.outputs = declared(self.get("OUTPUTS", [{"name": "rows"}])) if does_emit else []
        self.rows = _rows.Rows(self.outputs) if does_emit else None
        prints_output = not does_emit if prints_output is None else prints_output
        self.printed = Printed() if prints_output else None

    def get(self, name, other=None):
        return getattr(self.module, name, other)

    def choose(self):
        """Finds the functions that the script is made of."""
        module, self.batch, self.single = self.module, None, {}
        public = {
            name: one for name, one in vars(module).items() if not name.startswith("_") and inspect.isfunction(one)
        }
        whole = {name: one for name, one in public.items() if "all_objects" in inspect.signature(one).parameters}
        if callable(self.get("process")):
            whole = {"process": module.process}
        known = set(FIELDS) | set(self.get("OBJECT_TYPES", []))
        self.single = {
            name[8:]: one
            for name, one in public.items()
            if name.startswith("process_") and name[8:] in known and name not in whole
        }
        if not whole:
            self.check_names(public, [f"process_{kind}" for kind in known])
        if self.single and whole:
            name, single = next(iter(whole)), f"process_{next(iter(self.single))}"
            raise TypeError(
                f"the script has both `{name}` and `{single}`: keep `{name}` for all objects of a call, or "
                f"`{single}` for one object at a time, and let the name of the other begin with `_`"
            )
        if self.single:
            return
        if len(whole) > 1:
            names = " and ".join(f"`{name}`" for name in whole)
            raise TypeError(f"{names} have a parameter `all_objects`: name that one `process` which the host calls")
        if not whole:
            raise TypeError(
                "the script has no function `process(all_objects)` or `process(all_objects, emit)`, and none "
                "for one type such as `process_revision(revision, emit)`"
            )
        (self.batch,) = whole.values()

    def check_names(self, public, names):
        """Says where a name is almost one that the host calls."""
        for name in public:
            near = None if name in names else nearest(name, names)
            if near is None:
                continue
            if not self.single:
                raise TypeError(f"`{name}` is for no object type: did you mean `{near}`?")
            self.write_log(
                "WARN", f"nothing calls `{name}`: if `{near}` is meant, rename it; if not, begin its name with `_`"
            )

    def check_functions(self):
        for function in self.functions():
            check_arguments(function, 1, "one object" if self.single else "all_objects")
            # A call of them would run nothing and say nothing.
            if inspect.isgeneratorfunction(function) or inspect.iscoroutinefunction(function):
                raise TypeError(
                    f"`{function.__name__}` is a generator or a coroutine, of which a call runs nothing: "
                    "call `emit` instead of `yield`, and write no `async`"
                )
        chosen = self.get("OBJECT_TYPES")
        if self.single and chosen not in (None, "any") and not self.single.keys() & set(chosen):
            names = ", ".join(f"`process_{one}`" for one in sorted(self.single))
            raise TypeError(f"OBJECT_TYPES has no object type of {names}")

    def functions(self):
        return [self.batch] if self.batch else list(self.single.values())

    def decode(self, object_type, values, ends):
        """The objects of a column: dicts with attributes that decode a field when they are asked for it, or plain dicts."""
        kind = object_type if self.is_lazy else None
        return _objects.decode(values, ends, self.fields.get(object_type), kind)

    def object_types(self):
        """The types to read, a list or "any"."""
        named = self.get("OBJECT_TYPES")
        if named is not None:
            return named if named == "any" else list(named)
        return sorted(self.single) or "any"

    def plan(self):
        """The plan, as the contract's `plan.schema.json` has it."""
        printed = [{"name": "printed", "kind": "text"}] if self.printed is not None else []
        return {
            "object-types": self.object_types(),
            "columns": ["values"],
            "holds-state": self.checkpoint_function is not None or self.printed is not None,
            "outputs": self.outputs + printed,
        }

    def process(self, batches):
        """Processes the objects of one call: pairs of an object type and its decoded objects, each type once.

        Returns the rejected ones, as index of the batch, index in it, and reason. What the functions have emitted is in
        `rows` and `printed`."""
        rejections, all_objects = [], {}
        for number, (kind, decoded) in enumerate(batches):
            if self.single:
                self.process_single(number, kind, decoded, rejections)
                continue
            objects = [one for one in decoded if type(one) is not Damaged]
            if len(objects) != len(decoded):
                for index, one in enumerate(decoded):
                    if type(one) is Damaged:
                        rejections.append((number, index, str(one)))
            all_objects[kind] = objects
        if self.batch and any(all_objects.values()):
            self.call(self.batch, all_objects)
        return rejections

    def process_single(self, number, kind, decoded, rejections):
        function = self.single.get(kind)
        if function is None:
            return
        held = [one for one in (self.rows, self.printed) if one is not None]
        for index, one in enumerate(decoded):
            if type(one) is Damaged:
                rejections.append((number, index, str(one)))
                continue
            savepoints = [one.savepoint() for one in held]
            try:
                self.call(function, one)
            except MemoryError:
                raise
            except Exception as error:
                for rows, savepoint in zip(held, savepoints):
                    rows.rollback(savepoint)
                rejections.append((number, index, self.rejection(error)))

    def rejection(self, error):
        """Logs why an object is rejected; returns it in one line."""
        if not isinstance(error, Rejected) and len(self.rejected) < REJECTIONS:
            text = "\n".join(_tracebacks.lines(error))
            if text not in self.rejected:
                self.rejected.add(text)
                self.write_log("WARN", text)
        return _tracebacks.short(error, self.name_of)

    def call(self, function, argument):
        if id(function) in self.emitting:
            function(argument, self.rows.emit)
        else:
            function(argument)

    def checkpoint(self):
        """Calls the function `checkpoint` of the script, if there is one."""
        function = self.checkpoint_function
        if function is not None:
            function(self.rows.emit) if id(function) in self.emitting else function()


POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def positional(function):
    """The parameters that a function takes by position."""
    return [one for one in inspect.signature(function).parameters.values() if one.kind in POSITIONAL]


def takes_emit(function, place):
    """Whether the parameter at this place is for `emit`. One with a default is the script's own, unless it is called so."""
    found = positional(function)[place : place + 1]
    return any(one.default is one.empty or one.name == "emit" for one in found)


def check_arguments(function, first, argument):
    """Raises TypeError where a function cannot be called with what the host has."""
    needed = [one for one in inspect.signature(function).parameters.values() if one.default is one.empty]
    by_name = [one.name for one in needed if one.kind is one.KEYWORD_ONLY]
    takes_any = any(one.kind is one.VAR_POSITIONAL for one in needed)
    too_many = sum(one.kind in POSITIONAL for one in needed) > first + 1
    too_few = len(positional(function)) < first and not takes_any
    if by_name or too_many or too_few:
        name = getattr(function, "__name__", "process")
        raise TypeError(
            f"`{name}` is called with {argument} and, if it takes it, `emit`: `{name}(...)` takes other parameters"
        )


def declared(outputs):
    """The outputs of a script, each with a name."""
    if not isinstance(outputs, (list, tuple)) or not all(
        isinstance(one, dict) and isinstance(one.get("name"), str) for one in outputs
    ):
        raise TypeError('OUTPUTS is a list of dicts, each with a name, such as [{"name": "rows"}]')
    return list(outputs)
