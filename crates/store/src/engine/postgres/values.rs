//! Values on PostgreSQL's wire: parameters, one array per column for many rows, and answers.

use std::error::Error;

use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use crate::engine::fault::Fault;
use crate::engine::value::{Column, Kind, Value};

/// The server says which type a parameter has; an integer must fit it, nothing is converted.
impl ToSql for Value {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match (self, kind) {
            (Value::Null, _) => Ok(IsNull::Yes),
            (Value::Int(value), &Type::INT8) => value.to_sql(kind, out),
            (Value::Int(value), &Type::INT4) => i32::try_from(*value)?.to_sql(kind, out),
            (Value::Int(value), &Type::INT2) => i16::try_from(*value)?.to_sql(kind, out),
            (
                Value::Text(value),
                &Type::TEXT | &Type::VARCHAR | &Type::BPCHAR | &Type::NAME | &Type::UNKNOWN,
            ) => value.as_str().to_sql(kind, out),
            _ => Err(format!("a value of another kind was given for a parameter of type {kind}").into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// Many rows turned on their side: one array per column.
pub(super) struct Arrays(Vec<Array>);

enum Array {
    Ints(Vec<Option<i64>>),
    Texts(Vec<Option<String>>),
    /// No array: a statement of its own kind has plain parameters.
    Single(Value),
}

impl Arrays {
    /// `values` are whole rows one after the other, each in the order of `columns`.
    pub(super) fn of(
        columns: impl Iterator<Item = Column>,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<Arrays, Fault> {
        let mut arrays = columns.map(|column| Array::new(column.kind)).collect::<Vec<_>>();
        let mut index = 0;
        for value in values {
            arrays[index].push(value)?;
            index = (index + 1) % arrays.len();
        }
        if index != 0 {
            return Err(Fault::other("a row or key has the wrong number of columns"));
        }
        Ok(Arrays(arrays))
    }

    /// Plain parameters.
    pub(super) fn single(params: &[Value]) -> Arrays {
        Arrays(params.iter().cloned().map(Array::Single).collect())
    }

    pub(super) fn params(&self) -> Vec<&(dyn ToSql + Sync)> {
        self.0.iter().map(Array::param).collect()
    }
}

impl Array {
    fn new(kind: Kind) -> Array {
        match kind {
            Kind::Int => Array::Ints(Vec::new()),
            Kind::Text => Array::Texts(Vec::new()),
        }
    }

    fn push(&mut self, value: Value) -> Result<(), Fault> {
        match (self, value) {
            (Array::Ints(array), Value::Int(value)) => array.push(Some(value)),
            (Array::Ints(array), Value::Null) => array.push(None),
            (Array::Texts(array), Value::Text(value)) => array.push(Some(value)),
            (Array::Texts(array), Value::Null) => array.push(None),
            _ => return Err(Fault::other("a column was given a value of another kind")),
        }
        Ok(())
    }

    fn param(&self) -> &(dyn ToSql + Sync) {
        match self {
            Array::Ints(array) => array,
            Array::Texts(array) => array,
            Array::Single(value) => value,
        }
    }
}

/// Appends the values of a row; comparisons answer 0 or 1, as SQLite does.
pub(super) fn read(row: &tokio_postgres::Row, out: &mut Vec<Value>) -> Result<(), Fault> {
    for (index, column) in row.columns().iter().enumerate() {
        let value = match *column.type_() {
            Type::INT8 => row.try_get::<_, Option<i64>>(index).map(Value::from),
            Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN => {
                row.try_get::<_, Option<String>>(index).map(Value::from)
            }
            Type::INT4 => row.try_get::<_, Option<i32>>(index).map(|value| value.map(i64::from).into()),
            Type::INT2 => row.try_get::<_, Option<i16>>(index).map(|value| value.map(i64::from).into()),
            Type::BOOL => row.try_get::<_, Option<bool>>(index).map(|value| value.map(i64::from).into()),
            ref other => {
                let name = column.name();
                return Err(Fault::other(format!(
                    "column {name} has type {other}: CAST it to BIGINT or TEXT"
                )));
            }
        };
        out.push(value.map_err(Fault::other)?);
    }
    Ok(())
}
