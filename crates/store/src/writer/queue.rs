//! The bounded queue in front of the writer's thread. Whatever waits when the writer is free goes
//! into one batch; it never waits to fill one.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use super::Error;
use super::batch::Writer;
use super::work::Work;

pub(crate) struct Queue {
    sender: Option<SyncSender<Box<dyn Work>>>,
    thread: Option<JoinHandle<()>>,
}

impl Queue {
    /// Starts the writer's thread. `queue_max` works wait at most; `batch_max` share a commit.
    pub(crate) fn start(writer: Writer, queue_max: usize, batch_max: usize) -> std::io::Result<Queue> {
        let (sender, receiver) = sync_channel(queue_max);
        let run = move || serve(writer, &receiver, batch_max);
        let thread = std::thread::Builder::new().name("writer".into()).spawn(run)?;
        Ok(Queue { sender: Some(sender), thread: Some(thread) })
    }

    pub(crate) fn push(&self, work: Box<dyn Work>) -> Result<(), Error> {
        let sender = self.sender.as_ref().ok_or(Error::Stopped)?;
        sender.try_send(work).map_err(|error| match error {
            TrySendError::Full(_) => Error::Busy,
            TrySendError::Disconnected(_) => Error::Stopped,
        })
    }
}

impl Drop for Queue {
    /// What was accepted is finished before the writer stops.
    fn drop(&mut self) {
        drop(self.sender.take());
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

fn serve(mut writer: Writer, receiver: &Receiver<Box<dyn Work>>, batch_max: usize) {
    while let Ok(first) = receiver.recv() {
        let mut works = vec![first];
        while works.len() < batch_max
            && let Ok(next) = receiver.try_recv()
        {
            works.push(next);
        }
        writer.run(works);
    }
}
