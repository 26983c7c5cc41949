# METADATA
# title: Ages against the start of the scan
# description: What is no time leaves a call undefined.
package cloudaudit.age

# days: whole days since the time, rounded down, negative for one to come.
days(time_text) := cloudaudit.age.days(time.now_ns(), time_text)

# seconds: the same in seconds.
seconds(time_text) := (time.now_ns() - cloudaudit.age.nanoseconds(time_text)) / 1000000000

# older_than: the time lies more than so many days back. Exactly so many is not older.
older_than(time_text, limit) if seconds(time_text) > limit * 86400

# within: the time lies ahead, at most so many days (a certificate that ends soon), or has passed.
within(time_text, limit) if seconds(time_text) >= 0 - (limit * 86400)
