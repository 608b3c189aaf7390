//! A TCP proxy that passes everything on a while later, in both directions, as a longer way would: it holds nothing up but for that time, however
//! much passes.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How much is read at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// Linux wakes a thread that sleeps so much too late: its slack of 50 us, and the way to a processor.
const OVERSLEEP: Duration = Duration::from_micros(80);

/// How long the way is, in one direction: one for any number of proxies, and to be changed at any time.
#[derive(Clone, Debug, Default)]
pub struct Delay(Arc<AtomicU64>);

impl Delay {
    /// From now on it is so long.
    pub fn set(&self, delay: Duration) {
        self.0.store(u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn get(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

/// Starts a proxy to `to`, and says where it listens.
///
/// # Errors
/// Where there is no port.
pub fn proxy(to: SocketAddr, delay: Delay) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        while let Ok((dialed, _)) = listener.accept() {
            // Whoever does not listen yet cannot be reached by way of the proxy either.
            let _ = TcpStream::connect(to).and_then(|reached| join(&dialed, &reached, &delay));
        }
    });
    Ok(address)
}

fn join(dialed: &TcpStream, reached: &TcpStream, delay: &Delay) -> std::io::Result<()> {
    for (from, to) in [(dialed, reached), (reached, dialed)] {
        to.set_nodelay(true)?;
        let way = Way { to: to.try_clone()?, delay: delay.clone(), waiting: Arc::default() };
        let (from, other) = (from.try_clone()?, way.try_clone()?);
        let (queue, due) = channel();
        thread::spawn(move || way.take_in(from, &queue));
        thread::spawn(move || other.pass_on(&due));
    }
    Ok(())
}

/// One direction of a connection: two threads share it.
struct Way {
    to: TcpStream,
    delay: Delay,
    /// How much has been taken in and not been passed on.
    waiting: Arc<AtomicU64>,
}

impl Way {
    fn try_clone(&self) -> std::io::Result<Self> {
        Ok(Self { to: self.to.try_clone()?, delay: self.delay.clone(), waiting: Arc::clone(&self.waiting) })
    }

    /// Notes when what comes is due. What is due at once goes on at once, unless something is before it.
    fn take_in(mut self, mut from: TcpStream, queue: &Sender<(Instant, Vec<u8>)>) {
        let mut chunk = vec![0; CHUNK_BYTES];
        while let Ok(count @ 1..) = from.read(&mut chunk) {
            let bytes = chunk.get(..count).unwrap_or_default();
            let delay = self.delay.get();
            let passed_on = if delay.is_zero() && self.waiting.load(Ordering::Acquire) == 0 {
                self.to.write_all(bytes).is_ok()
            } else {
                self.waiting.fetch_add(1, Ordering::Relaxed);
                queue.send((Instant::now() + delay, bytes.to_vec())).is_ok()
            };
            if !passed_on {
                return;
            }
        }
    }

    /// Writes what is due when it is, and hangs up when the other side has.
    fn pass_on(mut self, due: &Receiver<(Instant, Vec<u8>)>) {
        while let Ok((when, bytes)) = due.recv() {
            wait_until(when);
            if self.to.write_all(&bytes).is_err() {
                break;
            }
            self.waiting.fetch_sub(1, Ordering::Release);
        }
        // It may have hung up before.
        let _ = self.to.shutdown(Shutdown::Both);
    }
}

/// Sleeps for most of the time, and does not let go of the processor in what is left: whoever yields it may get it back much later.
fn wait_until(when: Instant) {
    let left = when.saturating_duration_since(Instant::now());
    if left > OVERSLEEP {
        thread::sleep(left - OVERSLEEP);
    }
    while Instant::now() < when {
        std::hint::spin_loop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream by way of a proxy to a thread that sends everything back.
    fn echo(delay: &Delay) -> TcpStream {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let to = listener.local_addr().expect("its address");
        thread::spawn(move || {
            let (stream, _) = listener.accept().expect("a connection");
            let (mut reader, mut writer) = (&stream, &stream);
            std::io::copy(&mut reader, &mut writer)
        });
        TcpStream::connect(proxy(to, delay.clone()).expect("a port")).expect("the proxy listens")
    }

    #[test]
    fn a_byte_takes_the_way_in_both_directions() {
        let delay = Delay::default();
        let mut stream = echo(&delay);
        for millis in [0, 20, 5] {
            delay.set(Duration::from_millis(millis));
            let started = Instant::now();
            stream.write_all(&[7]).expect("it is written");
            stream.read_exact(&mut [0]).expect("it comes back");
            assert!(started.elapsed() >= Duration::from_millis(2 * millis), "{millis} ms: {:?}", started.elapsed());
        }
    }

    #[test]
    fn much_is_passed_on_in_order_and_not_one_after_the_other() {
        const CHUNKS: usize = 400;
        let delay = Delay::default();
        delay.set(Duration::from_millis(20));
        let mut stream = echo(&delay);
        let sent: Vec<u8> = (0..CHUNKS * CHUNK_BYTES).map(|at| (at % 251) as u8).collect();
        let started = Instant::now();
        let (mut writer, bytes) = (stream.try_clone().expect("another handle"), sent.clone());
        thread::spawn(move || writer.write_all(&bytes));
        let mut received = vec![0; sent.len()];
        stream.read_exact(&mut received).expect("all of it comes back");
        assert!(received == sent, "in order");
        // Each chunk by itself would take as long, twice.
        assert!(started.elapsed() < Duration::from_millis(20) * CHUNKS as u32, "{:?}", started.elapsed());
    }
}
