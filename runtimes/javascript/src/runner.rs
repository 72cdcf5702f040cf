//! A script at work: its functions, and what they call.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::mem;
use std::rc::Rc;

use rquickjs::{
    CatchResultExt, Context, Ctx, Exception, Function, Module, Object, Persistent, Runtime,
};

use crate::encode::put_text;
use crate::errors::Report;
use crate::location;
use crate::modules::{Files, Modules};
use crate::native;
use crate::raw::{Handle, Raw};
use crate::rows::Rows;
use crate::{Host, Level};

/// The bytes of the engine's stack. WebAssembly has a second stack, which is out of its sight: with this limit, it ends in
/// an exception of the script before that one ends in a trap.
const STACK_BYTES: usize = 192 << 10;
/// What the engine allocates before it looks for cycles the first time.
const COLLECT_BYTES: usize = 4 << 20;

/// Records of one object type.
#[derive(Debug, Default)]
pub struct Batch {
    /// The object type.
    pub object_type: String,
    /// The values, end to end.
    pub values: Vec<u8>,
    /// Where each value ends.
    pub value_ends: Vec<u32>,
}

/// A record that the script refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The index of its batch.
    pub batch: u32,
    /// Its index in the batch.
    pub index: u32,
    /// The reason.
    pub reason: String,
}

/// What a call has, and what it made so far.
#[derive(Default)]
pub(crate) struct Call {
    pub(crate) batches: Vec<Batch>,
    /// The indices of the records that are objects, of each batch where not all are.
    pub(crate) indices: BTreeMap<usize, Vec<u32>>,
    pub(crate) rejections: Vec<Rejection>,
    /// The names of the outputs that rows are emitted to.
    pub(crate) outputs: Vec<String>,
    /// Whether a function of the script declares `emit`.
    pub(crate) has_emit: bool,
    /// The rows of each output.
    pub(crate) rows: Vec<Rows>,
    pub(crate) printed: String,
    pub(crate) savepoint: (Vec<(usize, usize)>, usize),
    /// The first rejections, whose lines were logged.
    pub(crate) logged: Vec<String>,
    /// Promises that failed, by their identity, and that nothing handled so far.
    pub(crate) unhandled: Vec<(usize, String)>,
}

/// A loaded script.
pub struct Runner {
    pub(crate) context: Context,
    functions: Persistent<Object<'static>>,
    call: Rc<RefCell<Call>>,
    host: Rc<dyn Host>,
    files: Files,
    main: String,
    prints_output: Option<bool>,
}

impl Runner {
    /// Loads a script: compiles it with its modules, and runs none of its lines. `prints_output` says whether printed text
    /// is an output; without it, that is so if the script emits no rows.
    ///
    /// # Errors
    /// Where it does not compile.
    pub fn load(
        files: BTreeMap<String, Vec<u8>>,
        main: String,
        prints_output: Option<bool>,
        host: Rc<dyn Host>,
    ) -> Result<Self, String> {
        let files = Rc::new(files);
        let call = Rc::new(RefCell::new(Call::default()));
        let runtime = Runtime::new().map_err(|error| error.to_string())?;
        // An instance has one engine for its whole life. The engine aborts where a value outlives it, as after a script that
        // does not load.
        mem::forget(runtime.clone());
        runtime.set_max_stack_size(STACK_BYTES);
        runtime.set_gc_threshold(COLLECT_BYTES);
        let modules = Modules(Rc::clone(&files));
        runtime.set_loader(modules.clone(), modules);
        let (known, waiting) = (Rc::clone(&files), Rc::clone(&call));
        runtime.set_host_promise_rejection_tracker(Some(Box::new(
            move |_, promise, reason, is_handled| {
                let promise = Handle::of(&promise).identity();
                // Not borrowed meanwhile: a getter of the reason may reject another promise.
                let report = (!is_handled).then(|| Report::of_value(&reason, &known).short());
                let unhandled = &mut waiting.borrow_mut().unhandled;
                if let Some(report) = report {
                    unhandled.push((promise, report));
                } else if let Some(at) = unhandled.iter().rposition(|one| one.0 == promise) {
                    // The last one: a promise that was freed may have been where this one is.
                    unhandled.remove(at);
                }
            },
        )));
        let context = Context::full(&runtime).map_err(|error| error.to_string())?;
        let functions = context.with(|ctx| {
            let functions = native::define(&ctx, &call, &host, &files);
            let functions = functions.catch(&ctx).map_err(|thrown| thrown.to_string())?;
            Ok::<_, String>(Persistent::save(&ctx, functions))
        })?;
        let runner = Self {
            context,
            functions,
            call,
            host,
            files,
            main,
            prints_output,
        };
        runner.with(|ctx| {
            location::watch(ctx, &runner.main);
            let source = runner.files.get(&runner.main);
            let source = source.map(Vec::as_slice).unwrap_or_default();
            Module::declare(ctx.clone(), runner.main.as_str(), source).map(|_| ())
        })?;
        Ok(runner)
    }

    /// The description of the plugin that the script makes, as JSON.
    ///
    /// # Errors
    /// Where the script's own lines fail.
    pub fn describe(&self) -> Result<String, String> {
        let source = self.files.get(&self.main);
        let source = source.map(|source| String::from_utf8_lossy(source).into_owned());
        self.with(|ctx| {
            let namespace = self.execute(ctx)?;
            let about = Object::new(ctx.clone())?;
            about.set("name", name(&self.main))?;
            about.set("source", source.unwrap_or_default())?;
            self.function(ctx, "describe")?.call((namespace, about))
        })
    }

    /// Starts with these options, as JSON; the answer is the plan.
    ///
    /// # Errors
    /// Where the script's own lines fail, or it has no function to run.
    pub fn start(&self, options: &str) -> Result<String, String> {
        self.with(|ctx| {
            let namespace = self.execute(ctx)?;
            self.function(ctx, "start")?
                .call((namespace, options, self.prints_output))
        })
    }

    /// Runs the script over these batches, and emits its rows.
    ///
    /// # Errors
    /// Where the script throws.
    pub fn process(&self, batches: Vec<Batch>) -> Result<Vec<Rejection>, String> {
        {
            let mut call = self.call.borrow_mut();
            call.begin();
            call.batches = batches;
        }
        self.with(|ctx| self.function(ctx, "process")?.call::<_, ()>(()))?;
        self.emit();
        let mut call = self.call.borrow_mut();
        call.batches.clear();
        Ok(mem::take(&mut call.rejections))
    }

    /// Runs the script's `checkpoint`, and emits its rows.
    ///
    /// # Errors
    /// Where the script throws.
    pub fn checkpoint(&self) -> Result<(), String> {
        self.call.borrow_mut().begin();
        self.with(|ctx| self.function(ctx, "checkpoint")?.call::<_, ()>(()))?;
        self.emit();
        Ok(())
    }

    /// Runs the script's own lines, and those of its modules.
    fn execute<'js>(&self, ctx: &Ctx<'js>) -> rquickjs::Result<Object<'js>> {
        self.host.arm_clock();
        let promise = Module::import(ctx, self.main.as_str())?;
        loop {
            if let Some(namespace) = promise.result() {
                return namespace;
            }
            if !Raw::new(ctx).run_job()? {
                fail_without_memory(ctx)?;
                let what = "the script waits for a promise at its top level, which nothing fulfils";
                return Err(Exception::throw_type(ctx, what));
            }
        }
    }

    fn function<'js>(&self, ctx: &Ctx<'js>, name: &str) -> rquickjs::Result<Function<'js>> {
        self.functions.clone().restore(ctx)?.get(name)
    }

    /// Runs `work` in the engine, and then what it has left to do.
    fn with<T>(
        &self,
        work: impl for<'js> FnOnce(&Ctx<'js>) -> rquickjs::Result<T>,
    ) -> Result<T, String> {
        location::begin();
        let done = self.context.with(|ctx| {
            let done = work(&ctx).and_then(|done| {
                while Raw::new(&ctx).run_job()? {}
                fail_without_memory(&ctx)?;
                Ok(done)
            });
            let done = done.catch(&ctx);
            done.map_err(|thrown| {
                let report = Report::of(&thrown, &self.files);
                self.host.log(Level::Error, &report.lines().join("\n"));
                report.short()
            })
        })?;
        match self.call.borrow_mut().unhandled.first() {
            Some((_, reason)) => Err(format!("a promise failed: {reason}")),
            None => Ok(done),
        }
    }

    fn emit(&self) {
        let mut call = self.call.borrow_mut();
        let call = &mut *call;
        if !call.printed.is_empty()
            && let Some(rows) = call.rows.last_mut()
        {
            rows.bytes.push(0x81);
            put_text(&mut rows.bytes, "text");
            put_text(&mut rows.bytes, &call.printed);
            rows.end();
            call.printed.clear();
        }
        for (output, rows) in (0..).zip(&mut call.rows) {
            if !rows.ends.is_empty() {
                self.host.emit(output, &rows.bytes, &rows.ends);
            }
            rows.clear();
        }
    }
}

impl Call {
    /// Forgets what a call before has left.
    fn begin(&mut self) {
        self.rejections.clear();
        self.indices.clear();
        self.unhandled.clear();
        self.printed.clear();
        self.rows.iter_mut().for_each(Rows::clear);
    }
}

/// Fails where the engine had no memory to reject a promise: then it leaves the exception, and the promise waits forever.
fn fail_without_memory(ctx: &Ctx<'_>) -> rquickjs::Result<()> {
    if ctx.has_exception() {
        let thrown = ctx.catch();
        if Report::is_out_of_memory(&thrown) {
            return Err(ctx.throw(thrown));
        }
    }
    Ok(())
}

/// The name of a script: that of its file, or `main` for the file that runs in a folder.
fn name(main: &str) -> &str {
    let file = main.rsplit('/').next().unwrap_or(main);
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    if stem == "index" { "main" } else { stem }
}
