package awstest

import (
	"fmt"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/rds"
)

// Mixed makes about a thousand resources in one region, in the proportions of an ordinary account: mostly
// networks, machines and their disks, and some of what else there is.
func (s Seed) Mixed() {
	s.Helper()
	s.machinesAndDisks()
	s.people()
	s.Buckets(60)
	s.Functions(80)
	s.Observability(40)
	s.Keys(20)
	c := rds.NewFromConfig(s.cfg)
	for i := range 20 {
		do(s, c.CreateDBInstance, &rds.CreateDBInstanceInput{
			DBInstanceIdentifier: text(fmt.Sprintf("orders-%d", i)), DBInstanceClass: text("db.t3.micro"), Engine: text("postgres"), AllocatedStorage: sdk.Int32(20),
			MasterUsername: text("root"), MasterUserPassword: text("not-a-secret"),
		})
	}
	s.Messaging(10)
	s.Tables(10)
}

// machinesAndDisks makes a hundred instances with a disk each, as many security groups, and further disks
// with snapshots.
func (s Seed) machinesAndDisks() {
	s.Helper()
	c := ec2.NewFromConfig(s.cfg)
	s.Machines(100)
	for i := range 100 {
		do(s, c.CreateSecurityGroup, &ec2.CreateSecurityGroupInput{GroupName: text(fmt.Sprintf("web-%d", i)), Description: text("the web")})
	}
	for range 49 {
		do(s, c.CreateVolume, &ec2.CreateVolumeInput{AvailabilityZone: text(s.region + "a"), Size: sdk.Int32(8)})
	}
	disk := do(s, c.DescribeVolumes, &ec2.DescribeVolumesInput{Filters: []ec2types.Filter{{Name: text("attachment.status"), Values: []string{"attached"}}}}).Volumes[0].VolumeId
	for range 149 {
		do(s, c.CreateSnapshot, &ec2.CreateSnapshotInput{VolumeId: disk})
	}
	for range 30 {
		do(s, c.CreateRouteTable, &ec2.CreateRouteTableInput{VpcId: s.vpc()})
	}
}

// vpc gives the id of the region's default network.
func (s Seed) vpc() *string {
	s.Helper()
	return do(s, ec2.NewFromConfig(s.cfg).DescribeVpcs, &ec2.DescribeVpcsInput{}).Vpcs[0].VpcId
}

// people makes users and roles.
func (s Seed) people() {
	s.Helper()
	c := iam.NewFromConfig(s.cfg)
	for i := range 50 {
		do(s, c.CreateUser, &iam.CreateUserInput{UserName: text(fmt.Sprintf("user%03d", i))})
		do(s, c.CreateRole, &iam.CreateRoleInput{RoleName: text(fmt.Sprintf("role%03d", i)), AssumeRolePolicyDocument: text(openPolicy)})
	}
}
