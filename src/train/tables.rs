//! The tables of a run: what they ask for, and their rows as the model takes them.

use super::arguments::TrainingArguments;
use super::preparation::{LoadedModel, TextColumns};
use crate::data::{Dataset, Table, Task};
use crate::diagnostic::{Diagnostic, Error, Result, Site};

/// The tables of a run.
#[derive(Debug, Default)]
pub struct Tables {
    /// The rows to train on.
    pub train: Option<Table>,
    /// The rows to evaluate on, by name where there are several tables.
    pub validation: Vec<(Option<String>, Table)>,
    /// The rows to predict.
    pub test: Option<Table>,
}

impl Tables {
    /// The task that the labels ask for, and labels that the training table does not have.
    ///
    /// # Errors
    /// There is no table with labels, or the labels do not fit each other or the arguments.
    pub fn task(&self, arguments: &TrainingArguments) -> Result<(Task, Vec<String>)> {
        let column = |table: &Table| table.label_column(&arguments.label_column_name);
        let validation = || self.validation.iter().map(|(_, table)| table);
        let Some(train) = self.train.as_ref().or(validation().next()) else {
            return Err(Error::misuse(
                Diagnostic::new("missing-argument", Site::default(), "there is no table with labels").hint("pass --train_file"),
            ));
        };
        let mut others = Vec::new();
        for table in validation().chain(&self.test) {
            if table.has_column(&arguments.label_column_name) {
                others.push(column(table)?);
            }
        }
        let (task, unknown) = Task::infer(&column(train)?, &others.iter().collect::<Vec<_>>(), arguments.do_regression)?;
        if arguments.label_smoothing_factor != 0.0 && !matches!(task, Task::SingleLabel(_)) {
            let diagnostic = Diagnostic::new("argument-conflict", Site::default(), "label_smoothing_factor needs one class label a row");
            return Err(Error::misuse(diagnostic.hint("leave it out")));
        }
        Ok((task, unknown))
    }

    /// The rows to train on, where there is a table for that.
    ///
    /// # Errors
    /// A column is missing, or a text, a token or a label does not fit.
    pub fn train_dataset(
        &self,
        model: &LoadedModel,
        arguments: &TrainingArguments,
        task: &Task,
        max_length: usize,
    ) -> Result<Option<Dataset>> {
        self.train.as_ref().map(|table| dataset(table, arguments.max_train_samples, model, arguments, task, max_length)).transpose()
    }

    /// The rows to evaluate on, each table with its name.
    ///
    /// # Errors
    /// As [`Tables::train_dataset`].
    pub fn eval_datasets(
        &self,
        model: &LoadedModel,
        arguments: &TrainingArguments,
        task: &Task,
        max_length: usize,
    ) -> Result<Vec<(Option<String>, Dataset)>> {
        let named = |(name, table): &(Option<String>, Table)| {
            Ok((name.clone(), dataset(table, arguments.max_eval_samples, model, arguments, task, max_length)?))
        };
        self.validation.iter().map(named).collect()
    }

    /// The rows to predict, without labels, where there is a table for that.
    ///
    /// # Errors
    /// A column is missing, or a text or a token does not fit.
    pub fn test_dataset(&self, model: &LoadedModel, arguments: &TrainingArguments, max_length: usize) -> Result<Option<Dataset>> {
        let Some(table) = &self.test else { return Ok(None) };
        let dataset = model.dataset(table, &TextColumns::of(arguments), None, max_length)?;
        Ok(Some(arguments.max_predict_samples.map_or(dataset.clone(), |samples| dataset.truncated(samples))))
    }
}

fn dataset(
    table: &Table,
    max_samples: Option<usize>,
    model: &LoadedModel,
    arguments: &TrainingArguments,
    task: &Task,
    max_length: usize,
) -> Result<Dataset> {
    let labels = task.labels(&table.label_column(&arguments.label_column_name)?)?;
    let dataset = model.dataset(table, &TextColumns::of(arguments), Some(labels), max_length)?;
    Ok(max_samples.map_or(dataset.clone(), |samples| dataset.truncated(samples)))
}
