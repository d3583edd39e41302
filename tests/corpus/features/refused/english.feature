# language: en
@REQ-LAB-001 @接口-LIS-ASTM
Feature: 上传
  负责人: 测试甲

  Scenario: 结果入库
    Given LIS已启动
    Then 10秒内LIS收到"T001"的结果
