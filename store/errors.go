package store

import "errors"

// ErrNotFound tells that nothing of that name is there, or that the caller may not see it. The
// error that wraps it names the thing.
var ErrNotFound = errors.New("not found")

// ErrConflict tells that a change contradicts what is stored. The error that wraps it says how.
var ErrConflict = errors.New("conflict")

// ErrNewerSchema tells that the file was written by a newer version.
var ErrNewerSchema = errors.New("database was written by a newer version of cloudaudit")

// ErrFull tells that the disk, or the database up to its limit, is full. Nothing that was stored before
// is lost, and what could not be stored is read again by the next scan.
var ErrFull = errors.New("the disk or the database is full: make room on it, lower the retention, or raise store.maxBytes")

// ErrPast tells that a moment was asked for of which nothing is kept any more, or that is still to come.
var ErrPast = errors.New("nothing is known of this moment")

var errReadOnly = errors.New("the database is open for reading only")
