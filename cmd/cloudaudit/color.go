package main

import "os"

// colored tells whether tables are coloured: the flag beats the variables, and those beat the guess.
func (p *program) colored() bool {
	_, onTerminal := terminal(p.stdout)
	return colors(p.color, onTerminal, os.Getenv)
}

func colors(flag string, onTerminal bool, env func(string) string) bool {
	switch {
	case flag != "auto":
		return flag == "always"
	case env("NO_COLOR") != "":
		return false
	case env("CLICOLOR_FORCE") != "" && env("CLICOLOR_FORCE") != "0":
		return true
	}
	return onTerminal && env("TERM") != "dumb"
}

// paint colours the words that tell how bad or good something is. The word always stays.
func paint(word string, colored bool) string {
	if !colored {
		return word
	}
	var code string
	switch word {
	case "critical", "failed":
		code = "1;31"
	case "high":
		code = "31"
	case "medium", "partial", "incomplete", "unknown", "not audited":
		code = "33"
	case "low":
		code = "36"
	case "succeeded", "complete":
		code = "32"
	default:
		return word
	}
	return "\x1b[" + code + "m" + word + "\x1b[0m"
}
