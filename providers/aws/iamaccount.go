package aws

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"

	"cloudaudit/providers"
)

// What IAM says of an account as a whole. The types are ours: CloudFormation has none.

var passwordPolicy = &listing{
	token: "-",
	call: ask(func(ctx context.Context, r *run, _ object, _ *string) (*iam.GetAccountPasswordPolicyOutput, error) {
		out, err := r.iam().GetAccountPasswordPolicy(ctx, &iam.GetAccountPasswordPolicyInput{})
		if has(err, []string{"NoSuchEntity", "NoSuchEntityException"}) {
			return &iam.GetAccountPasswordPolicyOutput{}, nil
		}
		return out, err
	}),
	kind: &kind{
		name: "AWS::IAM::AccountPasswordPolicy", id: "AWS::IAM::AccountPasswordPolicy/{account}",
		fields: join(
			made("Exists", func(o object) any { return get(o, "PasswordPolicy") != nil }),
			passwordRule("AllowUsersToChangePassword"), passwordRule("ExpirePasswords"), passwordRule("HardExpiry"), passwordRule("MaxPasswordAge"),
			passwordRule("MinimumPasswordLength"), passwordRule("PasswordReusePrevention"), passwordRule("RequireLowercaseCharacters"),
			passwordRule("RequireNumbers"), passwordRule("RequireSymbols"), passwordRule("RequireUppercaseCharacters"),
		),
	},
}

func passwordRule(name string) fields { return as(name, "PasswordPolicy."+name) }

func summary(ctx context.Context, r *run) (*iam.GetAccountSummaryOutput, error) {
	return once(ctx, r, "account summary", func(ctx context.Context) (*iam.GetAccountSummaryOutput, error) {
		return r.iam().GetAccountSummary(ctx, &iam.GetAccountSummaryInput{})
	})
}

var accountSummary = &listing{
	token: "-",
	call: ask(func(ctx context.Context, r *run, _ object, _ *string) (*iam.GetAccountSummaryOutput, error) {
		return summary(ctx, r)
	}),
	kind: &kind{
		name: "AWS::IAM::AccountSummary", id: "AWS::IAM::AccountSummary/{account}",
		fields: same("SummaryMap"),
	},
}

var rootUser = &listing{
	token: "-",
	call: ask(func(ctx context.Context, r *run, _ object, _ *string) (*iam.GetAccountSummaryOutput, error) {
		return summary(ctx, r)
	}),
	prepare: func(r *run, _, o object) object {
		o["Arn"] = r.expand("arn:{partition}:iam::{account}:root", r.region, o)
		return o
	},
	kind: &kind{
		name: "AWS::IAM::RootUser", id: "{Arn}", title: "Arn",
		fields: join(
			same("Arn"),
			by("AccessKeysPresent", "SummaryMap.AccountAccessKeysPresent", notZero), by("MfaEnabled", "SummaryMap.AccountMFAEnabled", notZero),
			by("PasswordPresent", "SummaryMap.AccountPasswordPresent", notZero), by("SigningCertificatesPresent", "SummaryMap.AccountSigningCertificatesPresent", notZero),
		),
		facets: []*facet{{name: "credentials", fields: as("Credentials", "Credentials"), call: ask(credentialsOf)}},
	},
}

// notZero reads a number that stands for yes or no.
func notZero(value any) any {
	if value == nil {
		return nil
	}
	return value != number(0)
}

// report is the credential report: what it says of each user, by ARN, and when it was made.
type report struct {
	GeneratedTime *time.Time
	Users         int
	rows          map[string]object
}

var credentialReport = &listing{
	token: "-",
	call: ask(func(ctx context.Context, r *run, _ object, _ *string) (*report, error) {
		return credentialReportOf(ctx, r)
	}),
	kind: &kind{
		name: "AWS::IAM::CredentialReport", id: "AWS::IAM::CredentialReport/{account}",
		fields: same("GeneratedTime", "Users"),
	},
}

// credentialsOf is what the credential report says of a user.
func credentialsOf(ctx context.Context, r *run, o object, _ *string) (*credentialRow, error) {
	read, err := credentialReportOf(ctx, r)
	if err != nil {
		return nil, err
	}
	return &credentialRow{read.rows[text(o, "Arn")]}, nil
}

// credentialRow is the answer of credentialsOf. A user that was made after the report has none.
type credentialRow struct{ Credentials map[string]any }

func credentialReportOf(ctx context.Context, r *run) (*report, error) {
	return once(ctx, r, "credential report", func(ctx context.Context) (*report, error) { return r.credentialReport(ctx) })
}

const (
	reportTries = 30
	reportWait  = 2 * time.Second
)

// credentialReport has the report made and reads it. IAM makes one every four hours at most.
func (r *run) credentialReport(ctx context.Context) (*report, error) {
	client := r.iam()
	for range reportTries {
		out, err := client.GenerateCredentialReport(ctx, &iam.GenerateCredentialReportInput{})
		if err != nil {
			return nil, err
		}
		if out.State == iamtypes.ReportStateTypeComplete {
			made, err := client.GetCredentialReport(ctx, &iam.GetCredentialReportInput{})
			if err != nil {
				return nil, err
			}
			return readReport(string(made.Content), made.GeneratedTime)
		}
		if err := providers.Pause(ctx, r.shorter(reportWait)); err != nil {
			return nil, err
		}
	}
	return nil, failure(providers.Timeout, "the credential report was not made in time")
}

// readReport reads the report's lines of comma-separated values.
func readReport(content string, at *time.Time) (*report, error) {
	lines, err := csv.NewReader(strings.NewReader(content)).ReadAll()
	if err != nil || len(lines) == 0 {
		return nil, &providers.Error{Class: providers.Decode, Err: errors.New("the credential report is no list of comma-separated values")}
	}
	read := &report{GeneratedTime: at, Users: len(lines) - 1, rows: map[string]object{}}
	for _, line := range lines[1:] {
		row := object{}
		for i, name := range lines[0] {
			if i < len(line) {
				row[name] = line[i]
			}
		}
		read.rows[text(row, "arn")] = credentialFields.apply(row)
	}
	return read, nil
}

// credentialFields give the report's columns the names and kinds that the API has for such things.
var credentialFields = join(
	by("UserCreationTime", "user_creation_time", known), by("PasswordEnabled", "password_enabled", yesNo),
	by("PasswordLastUsed", "password_last_used", known), by("PasswordLastChanged", "password_last_changed", known),
	by("PasswordNextRotation", "password_next_rotation", known), by("MfaActive", "mfa_active", yesNo),
	made("AccessKeys", func(row object) any {
		keys := []any{}
		for i := 1; i <= 2; i++ {
			column := fmt.Sprintf("access_key_%d_", i)
			if known(row[column+"last_rotated"]) == nil && row[column+"active"] != "true" {
				continue
			}
			keys = append(keys, join(
				always("Number", number(int64(i))),
				by("Active", column+"active", yesNo), by("LastRotated", column+"last_rotated", known), by("LastUsedDate", column+"last_used_date", known),
				by("LastUsedRegion", column+"last_used_region", known), by("LastUsedService", column+"last_used_service", known),
			).apply(row))
		}
		return keys
	}),
	made("Certificates", func(row object) any {
		certificates := []any{}
		for i := 1; i <= 2; i++ {
			column := fmt.Sprintf("cert_%d_", i)
			if row[column+"active"] == "true" {
				certificates = append(certificates, join(always("Number", number(int64(i))), always("Active", true), by("LastRotated", column+"last_rotated", known)).apply(row))
			}
		}
		return certificates
	}),
)

// known leaves out the report's words for nothing.
func known(value any) any {
	switch value {
	case "", "N/A", "no_information", "not_supported", nil:
		return nil
	}
	return value
}

func yesNo(value any) any {
	switch value {
	case "true":
		return true
	case "false":
		return false
	}
	return nil
}
