//! Whole tables, for auditors of small databases: the simulator walks all rows after every step.

use super::Reads;
use crate::engine::{Fault, Table};

impl Reads<'_> {
    /// Every row of a table, in no particular order. Never on a database that has grown.
    pub fn everything<R: Table>(&mut self) -> Result<Vec<R>, Fault> {
        self.select("", &[])
    }
}
