# METADATA
# title: Ages against the start of the scan
package cloudaudit.age

# seconds: since the time, negative for one to come. The time is RFC 3339 or a day.
seconds(time_text) := (time.now_ns() - cloudaudit.age.nanoseconds(time_text)) / 1000000000

# days: whole days since the time, rounded down.
days(time_text) := cloudaudit.age.whole_days(time.now_ns(), time_text)

# older_than: the time lies more than so many days back. Exactly so many is not older.
older_than(time_text, limit) if seconds(time_text) > limit * 86400

# within: the time lies ahead, at most so many days (a certificate that ends soon), or has passed.
within(time_text, limit) if seconds(time_text) >= 0 - (limit * 86400)
