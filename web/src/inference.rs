//! A loaded model that can be asked, as long as there is no training on it.

use rtrain::data::Task;
use rtrain::diagnostic::Result;
use rtrain::storage::MemoryDirectory;
use rtrain::train::preparation::LoadedModel;
use serde_json::Value;
use std::rc::Rc;

use crate::classifier::Classifier;
use crate::device::{self, Device};
use crate::requests::{Desk, Inbox, Request};
use crate::surroundings::Surroundings;

/// A loaded model that can be asked.
#[derive(Debug)]
pub struct Inference {
    /// Where it is asked.
    pub desk: Desk,
    ready: Rc<Ready>,
}

#[derive(Debug)]
struct Ready {
    model: LoadedModel,
    task: Task,
}

impl Inference {
    /// Loads a model that was trained before.
    ///
    /// # Errors
    /// It is no classifier yet.
    pub fn load(model: &MemoryDirectory, surroundings: &Rc<dyn Surroundings>, device: &Device) -> Result<Inference> {
        let mut model = LoadedModel::for_inference(model, false)?;
        let (task, weights) = (model.task()?, std::mem::take(&mut model.weights));
        let ready = Rc::new(Ready { model, task });
        let desk = Desk::open(surroundings, |inbox| work(Rc::clone(&ready), device.clone(), weights, inbox));
        Ok(Inference { desk, ready })
    }

    /// The model without its weights.
    pub fn classifier(&self) -> Classifier<'_> {
        self.ready.classifier()
    }
}

impl Ready {
    fn classifier(&self) -> Classifier<'_> {
        Classifier { model: &self.model, task: &self.task, max_length: self.model.saved_max_length(None) }
    }
}

async fn work(ready: Rc<Ready>, device: Device, weights: Vec<Vec<f32>>, mut inbox: Inbox) -> (Inbox, Result<()>) {
    let (classifier, engine) = (ready.classifier(), device::engine(device, &ready.model, weights).await);
    let mut engine = match engine {
        Ok(engine) => engine,
        Err(error) => return (inbox, Err(error)),
    };
    while let Some((request, reply)) = inbox.next().await {
        reply.send(match request {
            Request::Evaluate(evaluation) => classifier.evaluate(&mut engine, &evaluation, &mut inbox).await,
            Request::Predict(texts) => classifier.predict(&mut engine, &texts).await,
            Request::Begin | Request::Advance | Request::Stop | Request::Save | Request::Recover(_) => Ok(Value::Null),
        });
    }
    (inbox, Ok(()))
}
