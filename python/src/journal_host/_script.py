"""The functions of a script: which there are, the plan that follows from them, and how they are called.

The runtime calls them for the host, and `journal_host.testing` natively."""

import inspect

from . import Rejected, _objects, _rows, _tracebacks
from ._objects import Damaged
from ._printing import Printed
from ._dicts import FIELDS

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
        takes_emit = any(parameters(function) > 1 for function in self.functions())
        takes_emit |= bool(self.checkpoint_function and parameters(self.checkpoint_function))
        if not takes_emit and hasattr(module, "OUTPUTS"):
            raise TypeError("the script declares OUTPUTS, and no function of it takes `emit`")
        self.outputs = list(self.get("OUTPUTS", [{"name": "rows"}])) if takes_emit else []
        self.rows = _rows.Rows(self.outputs) if takes_emit else None
        prints_output = not takes_emit if prints_output is None else prints_output
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
        if self.single and whole:
            name, single = next(iter(whole)), f"process_{next(iter(self.single))}"
            raise TypeError(
                f"the script has both `{name}` and `{single}`: keep `{name}` for all objects of a call, or "
                f"`{single}` for one object at a time, and let the name of the other begin with `_`"
            )
        if self.single:
            return
        if len(whole) != 1:
            raise TypeError(
                "the script has no function `process(all_objects)` or `process(all_objects, emit)`, and none "
                "for one type such as `process_revision(revision, emit)`"
            )
        (self.batch,) = whole.values()

    def check_functions(self):
        for function in self.functions():
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
        if self.rows is not None and parameters(function) > 1:
            function(argument, self.rows.emit)
        else:
            function(argument)

    def checkpoint(self):
        """Calls the function `checkpoint` of the script, if there is one."""
        function = self.checkpoint_function
        if function is not None:
            function(self.rows.emit) if self.rows is not None and parameters(function) else function()


def parameters(function):
    """How many arguments a function takes by position."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    code = getattr(function, "__code__", None)
    if code is not None and not hasattr(function, "__wrapped__"):
        return code.co_argcount
    return sum(one.kind in kinds for one in inspect.signature(function).parameters.values())
