//! Registers, measurements and TCB statuses.
