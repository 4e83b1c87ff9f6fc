//! rtrain in a browser tab: one [`Session`] in a worker trains a model on what a page hands over. Nothing leaves the tab.
//!
//! What goes in and out is text of JSON, and bytes. Errors are thrown as text of JSON too: `{code, severity, message, file, place, expected,
//! found, hint}`. The TypeScript in `ts/` makes of it what a page sees.

mod arguments;
mod diagnostic;
mod failure;
mod model;
mod page;
mod prediction;
mod session;
mod table;
mod training;

use serde_json::Value;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
extern "C" {
    /// Somebody who hears of events, each a text of JSON.
    pub type Listener;

    #[wasm_bindgen(method)]
    fn tell(this: &Listener, event: &str);
}

/// A model, its tables, its arguments and its training.
#[wasm_bindgen]
#[derive(Debug, Default)]
pub struct Session {
    inner: session::Session,
}

type Thrown<T> = Result<T, JsValue>;

#[wasm_bindgen]
impl Session {
    /// A session in which nothing is loaded.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Session {
        failure::remember();
        Session::default()
    }

    /// Hands over a file of the model that [`Session::load_model`] is to load.
    pub fn add_file(&mut self, name: String, bytes: Vec<u8>) {
        self.inner.add_file(name, bytes);
    }

    /// Checks the files that were handed over, and takes them as the model; says what it is.
    pub fn load_model(&mut self, name: String) -> Thrown<String> {
        answer(self.inner.load_model(name))
    }

    /// Reads a table of the role `train`, `validation` or `test`; says what is in it.
    pub fn load_table(&mut self, role: &str, name: &str, bytes: &[u8]) -> Thrown<String> {
        answer(self.inner.load_table(role, name, bytes))
    }

    /// All arguments that a page can set.
    pub fn argument_table() -> String {
        arguments::table().to_string()
    }

    /// Sets arguments, an object of JSON; null takes one back to its default. Where one is wrong all stay as they were.
    pub fn set_arguments(&mut self, values: &str) -> Thrown<()> {
        self.inner.set_arguments(values).map_err(thrown)
    }

    /// Begins a training; `time` is what folders of logs are called by, such as `Nov26_01-10-00`.
    pub fn start(&mut self, time: &str, listener: &Listener) -> Thrown<()> {
        self.inner.start(time, &mut |event| listener.tell(&event.to_string())).map_err(thrown)
    }

    /// Makes the next step of the training; at its end an object with its metrics.
    pub fn advance(&mut self, listener: &Listener) -> Thrown<Option<String>> {
        let outcome = self.inner.advance(&mut |event| listener.tell(&event.to_string())).map_err(thrown)?;
        Ok(outcome.map(|outcome| outcome.to_string()))
    }

    /// Lets the training end before its next step.
    pub fn stop(&mut self) {
        self.inner.stop();
    }

    /// Measures the model as it is now on the validation table.
    pub fn evaluate(&mut self, listener: &Listener) -> Thrown<String> {
        answer(self.inner.evaluate(&mut |event| listener.tell(&event.to_string())))
    }

    /// What the model as it is now says of texts: a list of texts and of pairs of texts.
    pub fn predict(&mut self, texts: &str) -> Thrown<String> {
        answer(self.inner.predict(texts))
    }

    /// Writes the directory of the run as it is now, in memory, and lists its files.
    pub fn list_files(&mut self) -> Thrown<Vec<String>> {
        self.inner.list_files().map_err(thrown)
    }

    /// The bytes of a file that [`Session::list_files`] named.
    pub fn file(&self, name: &str) -> Option<Vec<u8>> {
        self.inner.file(name)
    }

    /// Checks the directory of the run as `rtrain verify` does.
    pub fn verify(&mut self) -> Thrown<String> {
        answer(self.inner.verify())
    }
}

/// What the program said when it broke, if it did.
#[wasm_bindgen]
pub fn last_failure() -> Option<String> {
    failure::last()
}

fn answer(result: rtrain::diagnostic::Result<Value>) -> Thrown<String> {
    result.map(|value| value.to_string()).map_err(thrown)
}

fn thrown(error: rtrain::diagnostic::Error) -> JsValue {
    JsValue::from_str(&diagnostic::to_json(error.diagnostic()).to_string())
}
