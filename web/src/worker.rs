//! The worker around a session.

use serde_json::Value;
use std::cell::Cell;
use std::time::Duration;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::spawn_local;
use web_time::Instant;

use crate::surroundings::{Surroundings, Work};

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
