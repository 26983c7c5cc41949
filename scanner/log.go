package scanner

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
)

// logHandler writes what a provider tells into the scan's log.
type logHandler struct {
	run   *run
	attrs []slog.Attr
}

var _ slog.Handler = logHandler{}

// Enabled implements slog.Handler.
func (h logHandler) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

// Handle implements slog.Handler. The attribute "scope" becomes the line's scope, all others are written
// behind the message.
func (h logHandler) Handle(ctx context.Context, record slog.Record) error {
	var text strings.Builder
	text.WriteString(record.Message)
	scope := ""
	add := func(attr slog.Attr) bool {
		if attr.Key == "scope" {
			scope = attr.Value.String()
		} else {
			fmt.Fprintf(&text, " %s=%v", attr.Key, attr.Value)
		}
		return true
	}
	for _, attr := range h.attrs {
		add(attr)
	}
	record.Attrs(add)
	h.run.log(ctx, strings.ToLower(record.Level.String()), scope, text.String())
	return nil
}

// WithAttrs implements slog.Handler.
func (h logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return logHandler{h.run, slices.Concat(h.attrs, attrs)}
}

// WithGroup implements slog.Handler. The log has no groups.
func (h logHandler) WithGroup(string) slog.Handler { return h }
