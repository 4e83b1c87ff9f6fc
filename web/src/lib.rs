//! rtrain in a browser tab: one [`Session`] in a worker trains a model on what a page hands over. Nothing leaves the tab.
//!
//! What goes in and out is text of JSON, and bytes. Errors are thrown as text of JSON too: `{code, severity, message, file, place, expected,
//! found, hint}`. The TypeScript in `ts/` makes of it what a page sees.

mod arguments;
mod classifier;
mod device;
mod diagnostic;
mod failure;
mod inference;
mod model;
mod page;
mod requests;
mod session;
mod surroundings;
mod table;
mod training;
mod worker;

use serde_json::Value;
use std::cell::RefCell;
use std::rc::Rc;
use surroundings::Work;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

/// A model, its tables, its arguments and its training.
///
/// What takes its time is a promise; several may be waited for at once, and are kept one after the other.
#[wasm_bindgen]
pub struct Session {
    inner: RefCell<session::Session>,
}

type Thrown<T> = Result<T, JsValue>;

#[wasm_bindgen]
impl Session {
    /// A session in which nothing is loaded, on a device: `cpu`, `webgpu`, or `auto`.
    pub async fn open(worker: worker::Worker, device: String) -> Thrown<Session> {
        failure::remember();
        let device = device::open(&device).await.map_err(thrown)?;
        Ok(Session { inner: RefCell::new(session::Session::new(Rc::new(worker::Around::new(worker)), device)) })
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
        arguments::table().to_string()
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

async fn answered(asked: rtrain::diagnostic::Result<Work<rtrain::diagnostic::Result<Value>>>) -> Thrown<String> {
    answer(asked.map_err(thrown)?.await)
}

fn answer(result: rtrain::diagnostic::Result<Value>) -> Thrown<String> {
    result.map(|value| value.to_string()).map_err(thrown)
}

fn thrown(error: rtrain::diagnostic::Error) -> JsValue {
    JsValue::from_str(&diagnostic::to_json(error.diagnostic()).to_string())
}
