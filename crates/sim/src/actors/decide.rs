//! The administrator decides about refunds, one by one or several at once, and tries failed ones again.

use serde_json::json;

use super::{Actor, Scene};
use crate::call::{About, Call, Who};
use crate::chance::Chance;

pub(super) struct Decide;

impl Actor for Decide {
    fn name(&self) -> &'static str {
        "decide"
    }

    fn weight(&self, scene: &Scene<'_>) -> u32 {
        u32::from(!scene.model.requests.is_empty()) * scene.swarm.decide_weight
    }

    fn next(&self, chance: &mut Chance, scene: &Scene<'_>) -> Option<Call> {
        let requests: Vec<i64> = scene.model.requests.iter().copied().collect();
        let id = *chance.pick(&requests)?;
        let base = "/api/payments/refund-requests";
        let (path, body) = match chance.weighted(&[30, 10, 40, 20]) {
            0 => {
                let body = json!({ "refund_request_id": id, "action": "approve", "admin_notes": "granted" });
                ("/api/payments/admin/refund/manage/".to_owned(), body)
            }
            1 => {
                let body = json!({ "refund_request_id": id, "action": "reject", "admin_notes": "too late" });
                ("/api/payments/admin/refund/manage/".to_owned(), body)
            }
            2 => (format!("{base}/{id}/process/"), json!({})),
            _ => {
                let action = *chance.pick(&["approve", "approve", "reject", "process"])?;
                (format!("{base}/bulk/"), json!({ "ids": requests, "action": action }))
            }
        };
        let about = About { booking: None, student: 0, teacher: 0, minutes: 0 };
        Some(Call::new(&Decide, about, Who::Admin, path, &body))
    }
}
