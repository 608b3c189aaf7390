//! When a process is told to end.

use std::io;

/// Waits until the process is told to end: by Ctrl-C or, on Unix, SIGTERM. From the first call on, neither ends the process by itself.
///
/// ```no_run
/// # async fn serve(node: accompanist::Node<accompanist::store::Memory>) -> Result<(), Box<dyn std::error::Error>> {
/// accompanist::stop_signal().await?;
/// let left = node.drain(std::time::Duration::from_secs(10)).await?;
/// eprintln!("{} sessions go on when this role runs again", left.len());
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Where the operating system lets nobody listen to signals.
pub async fn stop_signal() -> io::Result<()> {
    #[cfg(unix)]
    {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}
