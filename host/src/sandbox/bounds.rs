//! Bounds on a plugin's code that are cheap to check, before anything is compiled.
//!
//! Small files can be expensive: nested components are instantiated a number of times that doubles with each level, and
//! the compiler's work grows faster than loops nest. No toolchain for plugins comes near these bounds. Whatever else is
//! expensive meets the limits of the compiling process.

use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind,
    CompositeInnerType, FunctionBody, Instance, Operator, Parser, Payload, TypeSectionReader,
};

use super::compile::{Refusal, too_much};
use super::limits::INSTANCES;

/// Parameters, or results, of a function or of a block.
const SIGNATURE: usize = 64;
/// Blocks inside each other. Compilers make one level for each case of a large `switch`.
const NESTING: u64 = 5_000;
/// Loops inside each other.
const LOOPS: u64 = 100;
/// Local variables of a function.
const LOCALS: u64 = 10_000;
/// Functions of all modules. The largest known plugin, a whole Python, has some twelve thousand.
const FUNCTIONS: u64 = 200_000;
/// Data and element segments of all modules.
const SEGMENTS: u64 = 100_000;
/// Components and modules of a file.
const DEFINITIONS: u64 = 1_000;
/// Instances of components, each counted as often as it is created.
const COMPONENT_INSTANCES: u64 = 1_000;

/// Bytes that wasmtime has for parts of an instance: definitions, and references to functions.
const INSTANCE_BYTES: u64 = 2 << 10;
const GLOBAL_BYTES: u64 = 16;
const FUNCTION_BYTES: u64 = 40;
const OTHER_BYTES: u64 = 64;

/// What instantiating a component or a module creates, with everything inside it.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    instances: u64,
    component_instances: u64,
    /// On the host, without memories and tables.
    bytes: u64,
}

impl Cost {
    fn add(&mut self, other: Self) {
        self.instances = self.instances.saturating_add(other.instances);
        self.component_instances = self
            .component_instances
            .saturating_add(other.component_instances);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

/// A module or a component whose end was not reached yet.
#[derive(Debug, Default)]
struct Open {
    is_component: bool,
    cost: Cost,
    /// Costs by index; none for one that comes from outside.
    modules: Vec<Option<Cost>>,
    components: Vec<Option<Cost>>,
}

/// Counts of the whole file.
#[derive(Debug, Default)]
struct Totals {
    functions: u64,
    segments: u64,
    definitions: u64,
}

/// Checks a module or a component.
///
/// Returns the bytes that its instances take on the host, without memories and tables.
///
/// # Errors
/// The first bound that it exceeds, or a syntax error.
pub(super) fn check(bytes: &[u8]) -> Result<u64, Refusal> {
    let mut walk = Walk::default();
    for payload in Parser::new(0).parse_all(bytes) {
        walk.payload(payload?)?;
    }
    Ok(walk.bytes)
}

#[derive(Debug, Default)]
struct Walk {
    open: Vec<Open>,
    totals: Totals,
    /// Of the outermost definition, once it has ended.
    bytes: u64,
}

impl Walk {
    fn payload(&mut self, payload: Payload<'_>) -> Result<(), Refusal> {
        match payload {
            Payload::Version { encoding, .. } => {
                count(
                    &mut self.totals.definitions,
                    1,
                    DEFINITIONS,
                    "modules and components",
                )?;
                self.open.push(Open {
                    is_component: encoding == wasmparser::Encoding::Component,
                    ..Open::default()
                });
            }
            Payload::End(_) => self.end(),
            Payload::TypeSection(types) => signatures(types)?,
            Payload::ImportSection(section) => {
                self.takes(u64::from(section.count()), FUNCTION_BYTES);
            }
            Payload::FunctionSection(section) => {
                let number = u64::from(section.count());
                count(&mut self.totals.functions, number, FUNCTIONS, "functions")?;
                self.takes(number, FUNCTION_BYTES);
            }
            Payload::GlobalSection(section) => self.takes(u64::from(section.count()), GLOBAL_BYTES),
            Payload::TableSection(section) => self.takes(u64::from(section.count()), OTHER_BYTES),
            Payload::MemorySection(section) => self.takes(u64::from(section.count()), OTHER_BYTES),
            Payload::ElementSection(section) => self.segments(section.count())?,
            Payload::DataSection(section) => self.segments(section.count())?,
            Payload::CodeSectionEntry(body) => function(&body)?,
            other => self.component_payload(other)?,
        }
        Ok(())
    }

    /// Sections that only components have.
    fn component_payload(&mut self, payload: Payload<'_>) -> Result<(), Refusal> {
        match payload {
            Payload::InstanceSection(section) => {
                for instance in section {
                    if let Instance::Instantiate { module_index, .. } = instance? {
                        let component = self.innermost();
                        let cost = known(&component.modules, module_index)?;
                        self.instantiate(cost)?;
                    }
                }
            }
            Payload::ComponentInstanceSection(section) => {
                for instance in section {
                    if let ComponentInstance::Instantiate {
                        component_index, ..
                    } = instance?
                    {
                        let component = self.innermost();
                        let cost = known(&component.components, component_index)?;
                        self.instantiate(cost)?;
                    }
                }
            }
            Payload::ComponentImportSection(section) => {
                for import in section {
                    self.define(import?.ty.kind(), None);
                }
            }
            // An export is also a definition, with an index.
            Payload::ComponentExportSection(section) => {
                for export in section {
                    let export = export?;
                    let cost = self.innermost().of(export.kind, export.index);
                    self.define(export.kind, cost);
                }
            }
            Payload::ComponentAliasSection(section) => {
                for alias in section {
                    self.alias(&alias?);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn alias(&mut self, alias: &ComponentAlias<'_>) {
        match *alias {
            ComponentAlias::InstanceExport { kind, .. } => self.define(kind, None),
            ComponentAlias::CoreInstanceExport { .. } => {}
            ComponentAlias::Outer { kind, count, index } => {
                let kind = match kind {
                    ComponentOuterAliasKind::CoreModule => ComponentExternalKind::Module,
                    ComponentOuterAliasKind::Component => ComponentExternalKind::Component,
                    _ => return,
                };
                let count = usize::try_from(count).unwrap_or(usize::MAX);
                let outer = self.open.iter().rev().nth(count);
                let cost = outer.and_then(|outer| outer.of(kind, index));
                self.define(kind, cost);
            }
        }
    }

    /// Adds a definition to the innermost component.
    fn define(&mut self, kind: ComponentExternalKind, cost: Option<Cost>) {
        let component = self.innermost();
        match kind {
            ComponentExternalKind::Module => component.modules.push(cost),
            ComponentExternalKind::Component => component.components.push(cost),
            _ => {}
        }
    }

    /// Counts what an instantiation creates.
    fn instantiate(&mut self, cost: Cost) -> Result<(), Refusal> {
        let component = self.innermost();
        component.cost.add(cost);
        let Cost {
            instances,
            component_instances,
            ..
        } = component.cost;
        let most = INSTANCES as u64;
        if instances > most {
            return Err(too_much(most, "instances of modules"));
        }
        if component_instances > COMPONENT_INSTANCES {
            return Err(too_much(COMPONENT_INSTANCES, "instances of components"));
        }
        Ok(())
    }

    fn segments(&mut self, number: u32) -> Result<(), Refusal> {
        let number = u64::from(number);
        count(
            &mut self.totals.segments,
            number,
            SEGMENTS,
            "data and element segments",
        )
    }

    /// Counts parts of the innermost module, of which each instance has its own.
    fn takes(&mut self, number: u64, bytes: u64) {
        let module = self.innermost();
        let bytes = number.saturating_mul(bytes);
        module.cost.bytes = module.cost.bytes.saturating_add(bytes);
    }

    fn innermost(&mut self) -> &mut Open {
        if self.open.is_empty() {
            self.open.push(Open::default());
        }
        let last = self.open.len() - 1;
        &mut self.open[last]
    }

    fn end(&mut self) {
        let Some(ended) = self.open.pop() else {
            return;
        };
        let mut cost = ended.cost;
        if ended.is_component {
            cost.component_instances = cost.component_instances.saturating_add(1);
        } else {
            cost.instances = 1;
            cost.bytes = cost.bytes.saturating_add(INSTANCE_BYTES);
        }
        let kind = if ended.is_component {
            ComponentExternalKind::Component
        } else {
            ComponentExternalKind::Module
        };
        if self.open.is_empty() {
            self.bytes = cost.bytes;
        } else {
            self.define(kind, Some(cost));
        }
    }
}

impl Open {
    fn of(&self, kind: ComponentExternalKind, index: u32) -> Option<Cost> {
        let costs = match kind {
            ComponentExternalKind::Module => &self.modules,
            ComponentExternalKind::Component => &self.components,
            _ => return None,
        };
        costs.get(usize::try_from(index).ok()?).copied().flatten()
    }
}

/// The cost of what is instantiated. What comes from outside a component, or from an instance, has none that is known.
fn known(costs: &[Option<Cost>], index: u32) -> Result<Cost, Refusal> {
    let index = usize::try_from(index).unwrap_or(usize::MAX);
    costs.get(index).copied().flatten().ok_or_else(|| {
        Refusal::TooMuch("an instance of a module or component that it does not define".to_owned())
    })
}

fn count(total: &mut u64, more: u64, most: u64, what: &str) -> Result<(), Refusal> {
    *total = total.saturating_add(more);
    if *total > most {
        return Err(too_much(most, what));
    }
    Ok(())
}

fn signatures(types: TypeSectionReader<'_>) -> Result<(), Refusal> {
    for group in types {
        for ty in group?.types() {
            if let CompositeInnerType::Func(ty) = &ty.composite_type.inner
                && ty.params().len().max(ty.results().len()) > SIGNATURE
            {
                return Err(too_much(
                    SIGNATURE as u64,
                    "parameters or results in a signature",
                ));
            }
        }
    }
    Ok(())
}

fn function(body: &FunctionBody<'_>) -> Result<(), Refusal> {
    let mut locals = 0;
    for local in body.get_locals_reader()? {
        count(
            &mut locals,
            u64::from(local?.0),
            LOCALS,
            "local variables in a function",
        )?;
    }
    // For each open block, whether it is a loop.
    let mut blocks: Vec<bool> = Vec::new();
    let mut loops = 0;
    let mut operators = body.get_operators_reader()?;
    while !operators.eof() {
        match operators.read()? {
            Operator::Loop { .. } => {
                loops += 1;
                if loops > LOOPS {
                    return Err(too_much(LOOPS, "loops inside each other"));
                }
                blocks.push(true);
            }
            Operator::Block { .. } | Operator::If { .. } => blocks.push(false),
            Operator::End if blocks.pop() == Some(true) => loops -= 1,
            _ => {}
        }
        if blocks.len() as u64 > NESTING {
            return Err(too_much(NESTING, "blocks inside each other"));
        }
    }
    Ok(())
}
