//! A [`Description`] as JSON.

use super::{Description, Table};
use crate::format::json::Json;

impl Description {
    /// The description as a JSON object: `name`, `kind`, `bytes`, `error`, `facts`, and each table as a list of objects under `tables`.
    pub fn to_json(&self) -> Json {
        let row = |table: &Table, row: &[Json]| {
            Json::Object(table.columns.iter().zip(row).map(|(column, value)| ((*column).to_owned(), value.clone())).collect())
        };
        let table = |table: &Table| (table.name.to_owned(), Json::Array(table.rows.iter().map(|values| row(table, values)).collect()));
        Json::Object(vec![
            ("name".to_owned(), self.name.as_str().into()),
            ("kind".to_owned(), self.kind.into()),
            ("bytes".to_owned(), self.bytes.into()),
            ("error".to_owned(), self.error.as_ref().map(ToString::to_string).into()),
            ("facts".to_owned(), Json::Object(self.contents.facts.clone())),
            ("tables".to_owned(), Json::Object(self.contents.tables.iter().map(table).collect())),
        ])
    }
}
