//! One instance at work in its own store.

use std::collections::HashSet;
use std::mem;
use std::time::Duration;

use serde_json::Value;

use super::bindings::swh::journal::types;
use super::instance::{Instance, Refused};
use super::plugin_log::LoggedLines;
use super::state::Function;
use super::{CallError, Limits, Plugin, Rejection, plan};
use crate::journal::batch::{Batch, Columns};
use crate::journal::plan::Plan;
use crate::observe::meter::Meter;
use crate::observe::meter::Stage;
use crate::sink::HeldRows;
use crate::text;

/// One instance at work in its own store; each worker has one. Its calls need a thread with a stack of 2 MiB or more.
pub struct Processor {
    instance: Instance,
    columns: Columns,
    poisoned: bool,
}

/// A plan with what its author says about it, which no run needs.
#[derive(Clone, Debug)]
pub struct Explained {
    /// The plan.
    pub plan: Plan,
    /// The answer to `start`, which was checked.
    pub answer: Value,
}

impl Explained {
    /// Creates an instance, calls `start` for its plan, and drops the instance.
    ///
    /// # Errors
    /// When the plugin fails, exceeds a limit, or returns a plan that breaks the rules.
    pub fn of(plugin: &Plugin, options: &str, limits: Limits) -> Result<Self, CallError> {
        let (_, answer) = answer_of_start(plugin, options, limits)?;
        let plan = plan::check(&plugin.description().name, &answer)?;
        let answer = serde_json::from_str(&answer).unwrap_or_default();
        Ok(Self { plan, answer })
    }
}

/// A new instance with its answer to `start`.
fn answer_of_start(
    plugin: &Plugin,
    options: &str,
    limits: Limits,
) -> Result<(Instance, String), CallError> {
    let mut instance = Instance::new(
        plugin.linked(),
        plugin.plugin_log(),
        plugin.interrupt(),
        limits,
        Function::Start,
    )
    .map_err(Refused::into_call_error)?;
    let answer = instance
        .call(Function::Start, |guest, store| {
            guest.call_start(store, options)
        })?
        .map_err(|failure| failure_of_start(plugin, failure))?;
    Ok((instance, answer))
}

impl Processor {
    /// Creates an instance and calls `start` for its plan.
    ///
    /// # Errors
    /// When the plugin fails, exceeds a limit, or returns a plan that breaks the rules.
    pub fn start(
        plugin: &Plugin,
        options: &str,
        limits: Limits,
    ) -> Result<(Self, Plan), CallError> {
        let (instance, answer) = answer_of_start(plugin, options, limits)?;
        let name = &plugin.description().name;
        let plan = if plugin.plugin_log().is_first_plan() {
            plan::check(name, &answer)?
        } else {
            plan::check_again(name, &answer)?
        };
        let processor = Self {
            instance,
            columns: plan.columns,
            poisoned: false,
        };
        Ok((processor, plan))
    }

    /// Sends emitted rows to this buffer; a buffer that was bound before is dropped.
    pub fn bind(&mut self, rows: HeldRows) {
        self.instance.state_mut().rows = rows;
    }

    /// The rows that it emitted. Before [`bind`](Self::bind) it is a buffer that refuses every row.
    pub fn rows(&mut self) -> &mut HeldRows {
        &mut self.instance.state_mut().rows
    }

    /// Drops the instance with its memory and returns the buffer of its rows: every further call is
    /// [`CallError::Poisoned`].
    #[must_use]
    pub fn abandon(&mut self) -> HeldRows {
        self.poisoned = true;
        let rows = mem::take(self.rows());
        self.instance.abandon();
        rows
    }

    /// Takes what its last call has logged, for an instance that may repeat it.
    #[must_use]
    pub(crate) fn take_logged(&mut self) -> LoggedLines {
        mem::take(&mut self.instance.state_mut().logged)
    }

    /// Goes on from what another instance has logged.
    pub(crate) fn put_logged(&mut self, logged: LoggedLines) {
        self.instance.state_mut().logged = logged;
    }

    /// Says whether further calls repeat the last one: lines that it has logged are not written again.
    pub(crate) fn set_repeating(&mut self, is_repeating: bool) {
        self.instance.state_mut().logged.set_repeating(is_repeating);
    }

    /// Changes the limit on the CPU time of further calls.
    pub(crate) fn set_deadline(&mut self, deadline: Duration) {
        self.instance.set_deadline(deadline);
    }

    /// Attributes the time of further calls to the guest and the boundary in `meter`, and notes the guest's memory
    /// there. Its calls must be made on the meter's thread.
    pub fn measure(&mut self, meter: &Meter) {
        self.instance.measure(meter);
    }

    /// Hands batches over. Rows of a call that returns well are held, those of any other are dropped; after an error
    /// every further call is [`CallError::Poisoned`].
    ///
    /// # Errors
    /// When the processor fails, traps or exceeds a limit.
    pub fn process(&mut self, batches: &[Batch]) -> Result<Vec<Rejection>, CallError> {
        let lent: Vec<types::Batch<'_>> = batches
            .iter()
            .map(|batch| lend(batch, self.columns))
            .collect();
        self.work(|instance| {
            let rejections = instance
                .call(Function::Process, |guest, store| {
                    guest.call_process(store, &lent)
                })?
                .map_err(failure)?;
            check_rejections(rejections, batches)
        })
    }

    /// Lets the processor emit the rows of its state, and seals the held rows for the checkpoint. Rows are held or
    /// dropped as in [`process`](Self::process).
    ///
    /// # Errors
    /// When the processor fails, traps or exceeds a limit, or a merged row cannot be encoded.
    pub fn checkpoint(&mut self) -> Result<(), CallError> {
        self.work(|instance| {
            instance
                .call(Function::Checkpoint, |guest, store| {
                    guest.call_checkpoint(store)
                })?
                .map_err(failure)
        })?;
        let time = self.instance.state().sealing_time();
        let mut out_of_time = None;
        let sealed = self.at_sink(|rows| {
            rows.seal_while(|| {
                out_of_time = time().err();
                out_of_time.is_none()
            })
        });
        self.poisoned = sealed.is_err();
        sealed.map_err(|error| out_of_time.unwrap_or(CallError::MergedRow(error)))
    }

    /// Works on the held rows; the time counts as the sink's.
    fn at_sink<T>(&mut self, work: impl FnOnce(&mut HeldRows) -> T) -> T {
        let state = self.instance.state_mut();
        let before = state.pass_to(Stage::Sink);
        let done = work(&mut state.rows);
        state.pass_to(before);
        done
    }

    /// The linear memory of the instance, in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.instance.state().limiter.memory()
    }

    /// Runs a call that may emit. Its rows are held if it returns well; otherwise they are dropped, and the instance
    /// accepts no further call.
    fn work<R>(
        &mut self,
        call: impl FnOnce(&mut Instance) -> Result<R, CallError>,
    ) -> Result<R, CallError> {
        if self.poisoned {
            return Err(CallError::Poisoned);
        }
        let result = call(&mut self.instance);
        self.poisoned = result.is_err();
        if result.is_ok() {
            self.at_sink(HeldRows::end_call);
        } else {
            self.at_sink(HeldRows::rollback_call);
        }
        result
    }
}

/// The columns of a batch that the plan asked for, borrowed and not cloned.
fn lend(batch: &Batch, columns: Columns) -> types::Batch<'_> {
    fn only<T>(wanted: bool, column: &[T]) -> &[T] {
        if wanted { column } else { &[] }
    }
    types::Batch {
        object_type: &batch.topic.object_type,
        privileged: batch.topic.privileged,
        // The ends of a batch are 32 bits wide and its limits far lower, so the number of records fits.
        records: u32::try_from(batch.records()).unwrap_or(u32::MAX),
        values: only(columns.values, &batch.values),
        value_ends: only(columns.values || columns.value_ends, &batch.value_ends),
        keys: only(columns.keys, &batch.keys),
        key_ends: only(columns.keys, &batch.key_ends),
        partitions: only(columns.partitions, &batch.partitions),
        offsets: only(columns.offsets, &batch.offsets),
        timestamps: only(columns.timestamps, &batch.timestamps),
    }
}

/// Checks that both indices of each rejection exist, and that no record is rejected twice.
fn check_rejections(
    rejections: Vec<types::Rejection>,
    batches: &[Batch],
) -> Result<Vec<Rejection>, CallError> {
    let mut seen = HashSet::with_capacity(rejections.len().min(count(batches)));
    let mut checked = Vec::with_capacity(seen.capacity().min(rejections.len()));
    for rejection in rejections {
        let (batch, index) = (rejection.batch as usize, rejection.index as usize);
        if batches
            .get(batch)
            .is_none_or(|batch| index >= batch.records())
        {
            return Err(CallError::Misbehaved {
                what: format!("rejected record {index} of batch {batch}, which is not there"),
            });
        }
        if !seen.insert((batch, index)) {
            return Err(CallError::Misbehaved {
                what: format!("rejected record {index} of batch {batch} twice"),
            });
        }
        checked.push(Rejection {
            batch,
            index,
            reason: text::clean(&rejection.reason, text::REASON_BYTES),
        });
    }
    Ok(checked)
}

fn count(batches: &[Batch]) -> usize {
    batches.iter().map(Batch::records).sum()
}

/// The error of a `start` that returned a failure. A plugin has nothing there to fail on but its options, if it takes any.
/// Of a script, all lines outside of functions run there, so that the failure may be any mistake in them.
fn failure_of_start(plugin: &Plugin, failed: types::Failure) -> CallError {
    let is_script = plugin.linked().script.is_some();
    let takes_options = !plugin.description().options.docs().is_empty();
    match failure(failed) {
        CallError::Failure { text } if takes_options && !is_script => CallError::Refused { text },
        other => other,
    }
}

/// The error of a call that returned a failure.
pub(super) fn failure(failure: types::Failure) -> CallError {
    let clean = |text: &str| text::clean(text, text::MESSAGE_BYTES);
    match failure {
        types::Failure::Retry(text) => CallError::Retry { text: clean(&text) },
        types::Failure::Fatal(text) => CallError::Failure { text: clean(&text) },
    }
}
