@REQ-LAB-001 @接口-LIS-ASTM
功能: 上传
  负责人: 测试甲
