//! What is written about the API: the document says what the router does, every error code is listed,
//! and the files in `docs/` are fresh. `cargo xtask openapi` writes them.

mod agreement;
mod codes;

use std::path::{Path, PathBuf};

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs")
}

/// Compares a file of `docs/` with what it should be, or writes it when asked to.
fn is_fresh(name: &str, wanted: &str) {
    let path = docs().join(name);
    if std::env::var_os("BURSAR_WRITE_DOCS").is_some() {
        std::fs::write(&path, wanted).expect("the docs can be written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == wanted, "docs/{name} is stale: run `cargo xtask openapi`");
}
