# language: zh-CN
@接口-LIS-ORU
功能: 留存的故障案例
  负责人: 检验接口组
  报告过的故障从录制中取出、去标识、最小化后留存，从此与其他场景一起运行。

  @REQ-LAB-002 @缺陷-2026-001 @id-lab-case-unit-lost
  场景: 仪器发出的单位不得在报告上丢失
    当 回放案例“lab-unit-lost”
    那么 案例“lab-unit-lost”的故障应已消失
