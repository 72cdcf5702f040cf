//! A store with its one instance, and the limits of each call into it.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::{Instance as ComponentInstance, InstancePre};
use wasmtime::{CallHook, Store, UpdateDeadline, WasmCoreDump};

use super::bindings::{self, exports::swh::journal::processor::Guest};
use super::clock::{Interrupt, LOOK_EVERY};
use super::engine::ticks;
use super::error::Cause;
use super::plugin_log::PluginLog;
use super::processor::failure;
use super::runtime;
use super::state::{Function, State};
use super::{CallError, Limits, ScriptLocation, script_location};
use crate::observe::meter::{Meter, Stage};
use crate::script::Script;

/// Code whose imports are linked.
#[derive(Clone)]
pub(super) struct Linked {
    pub(super) code: InstancePre<State>,
    /// What the parts of an instance take on the host, in bytes, without its memories and tables.
    pub(super) instance_bytes: usize,
    /// The script that each instance loads first, where the code is a runtime.
    pub(super) script: Option<Arc<Script>>,
}

/// A store with its one instance. After a failed call neither can be used again.
pub(super) struct Instance {
    store: Store<State>,
    guest: bindings::Plugin,
    limits: Limits,
    script: Option<Arc<Script>>,
}

/// Why an instance could not be created.
pub(super) enum Refused {
    /// Code that runs during instantiation failed, or the instance needs more than the limits.
    Call(CallError),
    /// Its functions do not have the types of the contract.
    Shape(Cause),
}

impl Refused {
    /// The error of a plugin whose types were checked when it was loaded.
    pub(super) fn into_call_error(self) -> CallError {
        match self {
            Self::Call(error) => error,
            Self::Shape(cause) => CallError::Misbehaved {
                what: format!("does not have the contract's functions: {cause}"),
            },
        }
    }
}

impl Instance {
    /// Creates an instance. Code that runs during instantiation counts as part of `function`.
    pub(super) fn new(
        linked: &Linked,
        plugin_log: Arc<PluginLog>,
        interrupt: Interrupt,
        limits: Limits,
        function: Function,
    ) -> Result<Self, Refused> {
        if linked.instance_bytes > limits.memory_bytes {
            let limit = limits.memory_bytes;
            return Err(Refused::Call(CallError::Memory { limit }));
        }
        let mut state = State::new(plugin_log, interrupt, limits, function);
        state.limiter.reserve(linked.instance_bytes);
        let mut store = Store::new(linked.code.engine(), state);
        store.limiter(|state| &mut state.limiter);
        store.epoch_deadline_callback(|store| {
            let remaining = store.data().remaining()?;
            Ok(UpdateDeadline::Continue(ticks(remaining)))
        });
        store.set_epoch_deadline(ticks(limits.deadline.min(LOOK_EVERY)));
        store.set_hostcall_fuel(function.passes_at_once(limits));
        let instance = linked
            .code
            .instantiate(&mut store)
            .map_err(|error| Refused::Call(store.data_mut().explain(error)))?;
        let guest = bindings::Plugin::new(&mut store, &instance)
            .map_err(|error| Refused::Shape(Cause::new(error)))?;
        let mut created = Self {
            store,
            guest,
            limits,
            script: linked.script.clone(),
        };
        if let Some(script) = &linked.script {
            created.load(&instance, script)?;
        }
        Ok(created)
    }

    /// Passes the script to the runtime.
    fn load(&mut self, instance: &ComponentInstance, script: &Script) -> Result<(), Refused> {
        let loaded = self.call(Function::Load, |_, store| {
            runtime::load(instance, store, script)
        });
        loaded
            .and_then(|answer| answer.map_err(failure))
            .map_err(Refused::Call)
    }

    /// Attributes the time of further calls to stages of `meter`.
    pub(super) fn measure(&mut self, meter: &Meter) {
        self.store.data_mut().meter = Some(meter.clone());
        let meter = meter.clone();
        self.store.call_hook(move |_, hook| {
            meter.pass_to(match hook {
                CallHook::CallingWasm | CallHook::ReturningFromHost => Stage::Guest,
                CallHook::ReturningFromWasm | CallHook::CallingHost => Stage::Boundary,
            });
            Ok(())
        });
    }

    /// Changes the limit on the CPU time of further calls.
    pub(super) fn set_deadline(&mut self, deadline: Duration) {
        self.limits.deadline = deadline;
        self.store.data_mut().set_deadline(deadline);
    }

    /// Makes one call within the limits.
    pub(super) fn call<R>(
        &mut self,
        function: Function,
        call: impl FnOnce(&Guest, &mut Store<State>) -> wasmtime::Result<R>,
    ) -> Result<R, CallError> {
        self.store.data_mut().begin(function);
        self.store
            .set_hostcall_fuel(function.passes_at_once(self.limits));
        self.store
            .set_epoch_deadline(ticks(self.limits.deadline.min(LOOK_EVERY)));
        let result = call(self.guest.swh_journal_processor(), &mut self.store);
        self.store.data_mut().end();
        result.map_err(|error| {
            let location = self.script_location(&error);
            self.store.data_mut().explain(error).in_script(location)
        })
    }

    /// Where the script was when the call ended with this error.
    fn script_location(&self, error: &wasmtime::Error) -> Option<ScriptLocation> {
        let script = self.script.as_ref()?;
        let memories = error.downcast_ref::<WasmCoreDump>()?.memories();
        memories
            .iter()
            .find_map(|memory| script_location::find(memory.data(&self.store), script))
    }

    /// Replaces the store by an empty one: no further call is possible.
    pub(super) fn abandon(&mut self) {
        let plugin_log = Arc::clone(&self.state().plugin_log);
        let interrupt = Interrupt::default();
        let state = State::new(plugin_log, interrupt, self.limits, Function::Start);
        self.store = Store::new(self.store.engine(), state);
    }

    pub(super) fn state(&self) -> &State {
        self.store.data()
    }

    pub(super) fn state_mut(&mut self) -> &mut State {
        self.store.data_mut()
    }
}
