package aws

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	acmtypes "github.com/aws/aws-sdk-go-v2/service/acm/types"
)

var acmService = &service{name: "acm", client: "acm", listings: []*listing{certificates}}

func (r *run) acm() *acm.Client { return acm.NewFromConfig(r.config()) }

var certificates = &listing{
	items: "CertificateSummaryList[]",
	call: ask(func(ctx context.Context, r *run, _ object, token *string) (*acm.ListCertificatesOutput, error) {
		return r.acm().ListCertificates(ctx, &acm.ListCertificatesInput{
			// Without key types, ACM lists those with RSA keys of 1024 and 2048 bits only.
			Includes: &acmtypes.Filters{KeyTypes: acmtypes.KeyAlgorithm("").Values()},
			MaxItems: sdk.Int32(1000), NextToken: token,
		})
	}),
	kind: &kind{
		name: "AWS::CertificateManager::Certificate", id: "{CertificateArn}", title: "DomainName", uid: "CreatedAt", tagged: tagged,
		fields: join(
			like("CertificateArn DomainName KeyAlgorithm"),
			extra(like(`CreatedAt ImportedAt InUse IssuedAt NotAfter NotBefore RenewalEligibility RevokedAt Status Type ExtendedKeyUsages:set KeyUsages:set`)),
		),
		facets: []*facet{{
			name: "certificate", fields: under("Certificate",
				like(`CertificateAuthorityArn CertificateExport=Options.Export CertificateTransparencyLoggingPreference=Options.CertificateTransparencyLoggingPreference
					DomainValidationOptions[]{DomainName ValidationDomain}:set SubjectAlternativeNames:set`),
				nest(Extra, "", like("FailureReason InUseBy:set Issuer RenewalStatus=RenewalSummary.RenewalStatus Serial SignatureAlgorithm"))),
			call: ask(func(ctx context.Context, r *run, o object, _ *string) (*acm.DescribeCertificateOutput, error) {
				return r.acm().DescribeCertificate(ctx, &acm.DescribeCertificateInput{CertificateArn: sdk.String(text(o, "CertificateArn"))})
			}),
		}},
	},
}
