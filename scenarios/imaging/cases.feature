# language: zh-CN
@接口-RIS-MWL
功能: 留存的影像故障案例
  负责人: 影像接口组
  报告过的影像故障从录制中取出、去标识、最小化后留存，从此与其他场景一起运行。

  @REQ-IMG-015 @缺陷-2026-002 @id-img-case-step-id-empty
  场景: 工作列表返回的检查步骤编号不得为空
    当 回放案例“img-step-id-empty”
    那么 案例“img-step-id-empty”的故障应已消失
