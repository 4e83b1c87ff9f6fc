//! What is asked of a model at work, one request after the other, and where the answers go.

use async_channel::{Receiver, Sender};
use rtrain::diagnostic::Result;
use rtrain::train::engine::Engine;
use serde_json::Value;
use std::collections::VecDeque;
use std::rc::Rc;

use crate::classifier::{Classifier, Evaluation};
use crate::diagnostic::missing;
use crate::durable::Sink;
use crate::surroundings::{Surroundings, Work};

/// What is asked of a model at work.
#[derive(Debug)]
pub enum Request {
    /// To get ready; each request that comes before it has waited for that too.
    Begin,
    /// To make the next step; once all is done the answer is an object with the metrics, and null before.
    Advance,
    /// To end before the next step, as if all had been made.
    Stop,
    /// To write the model as it is now.
    Save,
    /// To hand the step that was done last to a sink as a checkpoint; the answer says what it consists of, and is null where it was saved.
    Recover(Sink),
    /// To measure the model as it is now.
    Evaluate(Evaluation),
    /// To predict texts with the model as it is now; it comes before its turn, since nobody notices.
    Predict(String),
}

/// Where an answer goes. Nobody may wait for it.
#[derive(Debug)]
pub struct Reply(Sender<Result<Value>>);

impl Reply {
    /// Gives the answer.
    pub fn send(self, answer: Result<Value>) {
        let _ = self.0.try_send(answer);
    }
}

/// A request, and where its answer goes.
pub type Asked = (Request, Reply);

/// Where requests are handed in; once it is dropped, the work ends after those that it has.
#[derive(Debug)]
pub struct Desk {
    requests: Sender<Asked>,
    /// Closed when the work has ended.
    over: Receiver<()>,
}

impl Desk {
    /// Begins work that answers requests. The error with which it ends, if it does, answers the next one.
    pub fn open<F>(surroundings: &Rc<dyn Surroundings>, work: impl FnOnce(Inbox) -> F) -> Desk
    where
        F: Future<Output = (Inbox, Result<()>)> + 'static,
    {
        let (requests, receiver) = async_channel::unbounded();
        let (end, over) = async_channel::bounded(1);
        let work = work(Inbox { requests: receiver, later: VecDeque::new(), surroundings: Rc::clone(surroundings) });
        surroundings.spawn(Box::pin(async move {
            if let (mut inbox, Err(error)) = work.await
                && let Some((_, reply)) = inbox.next().await
            {
                reply.send(Err(error));
            }
            drop(end);
        }));
        Desk { requests, over }
    }

    /// Asks for something; the answer comes when it is its turn, also where nobody waits for it.
    pub fn ask(&self, request: Request) -> Work<Result<Value>> {
        let (reply, answer) = async_channel::bounded(1);
        let _ = self.requests.try_send((request, Reply(reply)));
        Box::pin(async move { answer.recv().await.unwrap_or_else(|_| Err(missing("what was asked for has ended", "begin it again"))) })
    }

    /// Whether somebody answers.
    pub fn is_open(&self) -> bool {
        !self.requests.is_closed()
    }

    /// Waits until all is answered, and what the work needed is free.
    pub async fn close(self) {
        drop(self.requests);
        let _ = self.over.recv().await;
    }
}

/// Where the work finds what it is asked.
pub struct Inbox {
    requests: Receiver<Asked>,
    /// What has come, but waits for its turn.
    later: VecDeque<Asked>,
    surroundings: Rc<dyn Surroundings>,
}

impl Inbox {
    /// The next request, once there is one; nothing once nobody can ask any more.
    pub async fn next(&mut self) -> Option<Asked> {
        match self.later.pop_front() {
            Some(asked) => Some(asked),
            None => self.requests.recv().await.ok(),
        }
    }

    /// Lets the page do what it wants to, and answers what it asks for that does not have to wait for its turn.
    pub async fn give_way(&mut self, engine: &mut Engine, classifier: &Classifier<'_>) {
        self.surroundings.give_way().await;
        while let Ok(asked) = self.requests.try_recv() {
            match asked {
                (Request::Predict(texts), reply) => reply.send(classifier.predict(engine, &texts).await),
                asked => self.later.push_back(asked),
            }
        }
    }

    /// Tells the page of something.
    pub fn tell(&self, event: Value) {
        self.surroundings.tell(event);
    }
}
