//! What is around a session: somebody who hears of events, and other work that wants its turn.

use serde_json::Value;
use std::pin::Pin;

/// Something that takes its time; in a browser, everything does on one thread.
pub type Work<T> = Pin<Box<dyn Future<Output = T>>>;

/// What is around a session.
pub trait Surroundings {
    /// Hears of an event.
    fn tell(&self, event: Value);

    /// Lets other messages of the page be handled.
    fn give_way(&self) -> Work<()>;

    /// Does something beside all else.
    fn spawn(&self, work: Work<()>);
}
