//! Cron expressions, the times they mean, and what is due. Pure.
