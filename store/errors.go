package store

import "errors"

// ErrNotFound tells that nothing of that name is there, or that the caller may not see it. The
// error that wraps it names the thing.
var ErrNotFound = errors.New("not found")

// ErrConflict tells that a change contradicts what is stored. The error that wraps it says how.
var ErrConflict = errors.New("conflict")

// ErrNewerSchema tells that the file was written by a newer version.
var ErrNewerSchema = errors.New("database was written by a newer version of cloudaudit")

var errReadOnly = errors.New("the database is open for reading only")
