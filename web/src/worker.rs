//! What the worker sees of a session, and the session of the worker.

use rtrain::diagnostic::{Error, Result};
use serde_json::Value;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::spawn_local;
use web_time::Instant;

use crate::diagnostic::to_json;
use crate::failure;
use crate::surroundings::{Surroundings, Work};

/// A model, its tables, its arguments and its training.
///
/// What takes its time is a promise; several may be waited for at once, and are kept one after the other.
#[wasm_bindgen]
pub struct Session {
    inner: RefCell<crate::session::Session>,
}

type Thrown<T> = std::result::Result<T, JsValue>;

#[wasm_bindgen]
impl Session {
    /// A session in which nothing is loaded, on a device: `cpu`, `webgpu`, or `auto`.
    pub async fn open(worker: Worker, device: String) -> Thrown<Session> {
        failure::remember();
        let device = crate::device::open(&device).await.map_err(thrown)?;
        Ok(Session { inner: RefCell::new(crate::session::Session::new(Rc::new(Around::new(worker)), device)) })
    }

    /// What trains and predicts: `kind`, `name`, `isSoftware`.
    pub fn device(&self) -> String {
        self.inner.borrow().device().to_string()
    }

    /// Bytes of the tensors on the GPU.
    pub fn gpu_bytes(&self) -> f64 {
        self.inner.borrow().gpu_bytes() as f64
    }

    /// Ends the GPU, as a crash of its driver would.
    pub fn destroy_device(&self) {
        self.inner.borrow().destroy_device();
    }

    /// Compares the GPU with the processor: the largest deviations, case by case.
    pub async fn self_check(&self) -> Thrown<String> {
        let checked = self.inner.borrow().self_check();
        answer(checked.await)
    }

    /// Hands over a file of the model that [`Session::load_model`] is to load.
    pub fn add_file(&self, name: String, bytes: Vec<u8>) {
        self.inner.borrow_mut().add_file(name, bytes);
    }

    /// Checks the files that were handed over, and takes them as the model; says what it is.
    pub fn load_model(&self, name: String) -> Thrown<String> {
        answer(self.inner.borrow_mut().load_model(name))
    }

    /// Reads a table of the role `train`, `validation` or `test`; says what is in it.
    pub fn load_table(&self, role: &str, name: &str, bytes: &[u8]) -> Thrown<String> {
        answer(self.inner.borrow_mut().load_table(role, name, bytes))
    }

    /// All arguments that a page can set.
    pub fn argument_table() -> String {
        crate::arguments::table().to_string()
    }

    /// Sets arguments, an object of JSON; null takes one back to its default. Where one is wrong all stay as they were.
    pub fn set_arguments(&self, values: &str) -> Thrown<()> {
        self.inner.borrow_mut().set_arguments(values).map_err(thrown)
    }

    /// Begins a training; `time` is what folders of logs are called by, such as `Nov26_01-10-00`.
    pub async fn start(&self, time: String) -> Thrown<()> {
        let ended = self.inner.borrow_mut().end();
        ended.await;
        let begun = self.inner.borrow_mut().start(&time);
        answered(begun).await.map(drop)
    }

    /// Makes the next step of the training; at its end an object with its metrics, and null before.
    pub async fn advance(&self) -> Thrown<String> {
        let step = self.inner.borrow().advance();
        answered(step).await
    }

    /// Lets the training end before its next step.
    pub fn stop(&self) {
        self.inner.borrow().stop();
    }

    /// Measures the model as it is now on the validation table.
    pub async fn evaluate(&self) -> Thrown<String> {
        let metrics = self.inner.borrow_mut().evaluate();
        answered(metrics).await
    }

    /// What the model as it is now says of texts: a list of texts and of pairs of texts.
    pub async fn predict(&self, texts: String) -> Thrown<String> {
        let predictions = self.inner.borrow_mut().predict(&texts);
        answered(predictions).await
    }

    /// Writes the directory of the run as it is now, in memory, and lists its files.
    pub async fn list_files(&self) -> Thrown<Vec<String>> {
        let saved = self.inner.borrow().save();
        answered(Ok(saved)).await?;
        self.inner.borrow().list_files().map_err(thrown)
    }

    /// The bytes of a file that [`Session::list_files`] named.
    pub fn file(&self, name: &str) -> Option<Vec<u8>> {
        self.inner.borrow().file(name)
    }

    /// Checks the directory of the run as `rtrain verify` does.
    pub async fn verify(&self) -> Thrown<String> {
        let saved = self.inner.borrow().save();
        answered(Ok(saved)).await?;
        answer(self.inner.borrow().verify())
    }
}

/// What the program said when it broke, if it did.
#[wasm_bindgen]
pub fn last_failure() -> Option<String> {
    failure::last()
}

async fn answered(asked: Result<Work<Result<Value>>>) -> Thrown<String> {
    answer(asked.map_err(thrown)?.await)
}

fn answer(result: Result<Value>) -> Thrown<String> {
    result.map(|value| value.to_string()).map_err(thrown)
}

fn thrown(error: Error) -> JsValue {
    JsValue::from_str(&to_json(error.diagnostic()).to_string())
}

/// How long messages of the page wait at most, while parts of the work do not take longer.
const TURN: Duration = Duration::from_millis(30);

#[wasm_bindgen]
extern "C" {
    /// The worker that a session is in.
    #[derive(Clone)]
    pub type Worker;

    /// Hears of an event, a text of JSON.
    #[wasm_bindgen(method)]
    fn tell(this: &Worker, event: &str);

    /// Lets the messages be handled that came in the meantime.
    #[wasm_bindgen(method, js_name = otherMessages)]
    async fn other_messages(this: &Worker);
}

/// The worker, and when it last could do something else.
pub struct Around {
    worker: Worker,
    gave_way: Cell<Instant>,
}

impl Around {
    /// What is around a session in a worker.
    pub fn new(worker: Worker) -> Around {
        Around { worker, gave_way: Cell::new(Instant::now()) }
    }
}

impl Surroundings for Around {
    fn tell(&self, event: Value) {
        self.worker.tell(&event.to_string());
    }

    fn give_way(&self) -> Work<()> {
        if self.gave_way.get().elapsed() < TURN {
            return Box::pin(std::future::ready(()));
        }
        self.gave_way.set(Instant::now());
        let worker = self.worker.clone();
        Box::pin(async move { worker.other_messages().await })
    }

    fn spawn(&self, work: Work<()>) {
        spawn_local(work);
    }
}
